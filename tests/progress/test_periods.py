"""Days, weeks and months of players, wherever they are and whatever their clocks do."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from gamification.kernel.core.encoding import instant
from progress.periods import Period, PeriodKind, Zones, change_zone, freeze, period, zone_name

AUCKLAND, LOS_ANGELES = "Pacific/Auckland", "America/Los_Angeles"
# Where days are odd: 30-minute offsets, changes at midnight, a date that was skipped, one that was lived twice.
ODD = [
    "UTC", AUCKLAND, LOS_ANGELES, "Asia/Kolkata", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Africa/Cairo",
    "America/Havana", "America/St_Johns", "America/Toronto", "Pacific/Apia", "Pacific/Kwajalein", "Australia/Lord_Howe",
]  # fmt: skip

DAILY, WEEKLY, MONTHLY = PeriodKind
kinds = st.sampled_from(PeriodKind)
zones = st.sampled_from(ODD)
instants = st.integers(-70 * 365 * 86400, 130 * 365 * 86400).map(lambda n: datetime.fromtimestamp(n, UTC))
recent = st.integers(0, 2 * 365 * 86400).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=n))


def in_(zone: str) -> Zones:
    return (("", zone),)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def local(zone: str, year: int, month: int, day: int, *clock: int) -> datetime:
    hour, minute = (*clock, 0, 0)[:2]
    return datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def moved(*changes: tuple[str, datetime], start: str = "UTC") -> Zones:
    """The history of a player who began in `start` and chose other zones."""
    history: Zones = (("", start),)
    for name, when in changes:
        history = change_zone(history, name, when)
    return history


def walk(kind: PeriodKind, zones: Zones, since: datetime, until: datetime) -> list[Period]:
    """The periods from the one that holds `since` to the one that holds `until`."""
    found = [period(kind, zones, since)]
    while found[-1].closes <= until:
        found.append(period(kind, zones, found[-1].closes))
    return found


def hours(of: Period) -> float:
    return (of.closes - of.opens) / timedelta(hours=1)


# -- the calendar ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day", "length"),
    [
        (AUCKLAND, (2026, 9, 26), 24),
        (AUCKLAND, (2026, 9, 27), 23),
        (AUCKLAND, (2026, 9, 28), 24),
        (AUCKLAND, (2027, 4, 3), 24),
        (AUCKLAND, (2027, 4, 4), 25),
        (LOS_ANGELES, (2026, 3, 7), 24),
        (LOS_ANGELES, (2026, 3, 8), 23),
        (LOS_ANGELES, (2026, 11, 1), 25),
        (LOS_ANGELES, (2026, 11, 2), 24),
    ],
)
def test_a_day_lasts_as_long_as_the_clocks_there_make_it(zone: str, day: tuple[int, int, int], length: int) -> None:
    today = period(DAILY, in_(zone), local(zone, *day, 12))
    assert today.opens == local(zone, *day)
    assert hours(today) == length


@pytest.mark.parametrize(
    ("zone", "monday", "length"),
    [(AUCKLAND, (2026, 9, 21), 167), (AUCKLAND, (2027, 3, 29), 169), (LOS_ANGELES, (2026, 3, 2), 167),
     (LOS_ANGELES, (2026, 10, 26), 169)],
)  # fmt: skip
def test_a_week_runs_from_monday_to_monday_and_clocks_change_within(
    zone: str, monday: tuple[int, int, int], length: int
) -> None:
    opens = local(zone, *monday)
    week = period(WEEKLY, in_(zone), opens + timedelta(days=6))
    assert week.opens == opens
    assert hours(week) == length
    assert period(WEEKLY, in_(zone), opens - timedelta(microseconds=1)).closes == opens


def test_a_month_is_the_calendars() -> None:
    assert period(MONTHLY, in_(AUCKLAND), local(AUCKLAND, 2028, 2, 29, 23)) == (
        local(AUCKLAND, 2028, 2, 1),
        local(AUCKLAND, 2028, 3, 1),
    )
    assert period(MONTHLY, in_(LOS_ANGELES), local(LOS_ANGELES, 2026, 12, 31, 23, 59)) == (
        at("2026-12-01T08:00Z"),
        at("2027-01-01T08:00Z"),
    )


def test_the_hour_that_is_lived_twice_belongs_to_the_day_once() -> None:
    first, second = at("2026-11-01T08:30Z"), at("2026-11-01T09:30Z")  # 01:30 in Los Angeles, both
    assert period(DAILY, in_(LOS_ANGELES), first) == period(DAILY, in_(LOS_ANGELES), second)


def test_a_date_that_was_skipped_has_no_day() -> None:
    apia = in_("Pacific/Apia")  # from the 29th to the 31st of December 2011
    assert period(DAILY, apia, at("2011-12-30T09:59:59Z")).closes == at("2011-12-30T10:00Z")
    assert period(DAILY, apia, at("2011-12-30T10:00Z")) == (at("2011-12-30T10:00Z"), at("2011-12-31T10:00Z"))


def test_where_clocks_went_back_across_midnight_a_day_opens_once() -> None:
    st_johns = in_("America/St_Johns")  # at 00:01 on the 7th of November 2010 it was 23:01 on the 6th again
    opened = at("2010-11-07T02:30Z")
    assert period(DAILY, st_johns, opened).opens == opened
    assert period(DAILY, st_johns, opened + timedelta(minutes=30)).opens == opened


@given(kinds, zones, instants)
@example(DAILY, "America/Toronto", at("1919-03-31T04:35Z"))  # at 23:30 it was 00:30
@example(DAILY, "America/St_Johns", at("2010-11-07T02:45Z"))
@example(DAILY, "Pacific/Kwajalein", at("1969-09-30T14:00Z"))
def test_every_instant_is_in_its_period_and_each_period_opens_as_the_last_closes(
    kind: PeriodKind, zone: str, when: datetime
) -> None:
    now = period(kind, in_(zone), when)
    assert now.opens <= when < now.closes
    assert period(kind, in_(zone), now.opens) == now
    assert period(kind, in_(zone), now.closes - timedelta(microseconds=1)) == now
    assert period(kind, in_(zone), now.closes).opens == now.closes


# -- moving ------------------------------------------------------------------------------------------------------------


def test_a_new_zone_applies_from_the_end_of_the_open_day() -> None:
    zones = moved((AUCKLAND, at("2026-06-10T15:00Z")))
    assert period(DAILY, zones, at("2026-06-10T14:00Z")) == (at("2026-06-10T00:00Z"), at("2026-06-11T00:00Z"))
    assert period(DAILY, zones, at("2026-06-10T23:00Z")) == (at("2026-06-10T00:00Z"), at("2026-06-11T00:00Z"))


def test_the_first_day_in_a_new_zone_lasts_at_least_24_hours_to_its_first_midnight_there() -> None:
    zones = moved((AUCKLAND, at("2026-06-10T15:00Z")))  # midnight there is 12:00 UTC
    assert period(DAILY, zones, at("2026-06-11T13:00Z")) == (at("2026-06-11T00:00Z"), at("2026-06-12T12:00Z"))
    assert period(DAILY, zones, at("2026-06-12T12:00Z")) == (at("2026-06-12T12:00Z"), at("2026-06-13T12:00Z"))


def test_a_midnight_that_comes_an_hour_too_soon_is_passed_over() -> None:
    zones = moved(("Europe/London", at("2026-06-10T15:00Z")))  # midnight there is 23:00 UTC
    assert period(DAILY, zones, at("2026-06-11T00:00Z")) == (at("2026-06-11T00:00Z"), at("2026-06-12T23:00Z"))


def test_the_first_day_is_just_24_hours_where_midnight_falls_then() -> None:
    zones = moved(("Africa/Abidjan", at("2026-06-10T15:00Z")))  # it has UTC's midnight
    assert period(DAILY, zones, at("2026-06-11T13:00Z")) == (at("2026-06-11T00:00Z"), at("2026-06-12T00:00Z"))


def test_the_first_week_in_a_new_zone_lasts_at_least_seven_days_to_its_first_monday_there() -> None:
    zones = moved((LOS_ANGELES, at("2026-06-10T15:00Z")))  # a Wednesday; Monday there opens at 07:00 UTC
    assert period(WEEKLY, zones, at("2026-06-14T12:00Z")).closes == at("2026-06-15T00:00Z")
    assert period(WEEKLY, zones, at("2026-06-15T00:00Z")) == (at("2026-06-15T00:00Z"), at("2026-06-22T07:00Z"))
    assert period(WEEKLY, zones, at("2026-06-22T07:00Z")) == (at("2026-06-22T07:00Z"), at("2026-06-29T07:00Z"))


def test_moving_east_the_first_week_goes_on_to_the_monday_after() -> None:
    zones = moved((AUCKLAND, at("2026-06-10T15:00Z")))  # Monday the 22nd opens there at 12:00 UTC on the 21st: too soon
    assert period(WEEKLY, zones, at("2026-06-15T00:00Z")) == (at("2026-06-15T00:00Z"), at("2026-06-28T12:00Z"))


def test_the_first_month_in_a_new_zone_lasts_at_least_a_calendar_month() -> None:
    west = moved((LOS_ANGELES, at("2026-06-10T15:00Z")))
    assert period(MONTHLY, west, at("2026-07-01T00:00Z")) == (at("2026-07-01T00:00Z"), at("2026-08-01T07:00Z"))
    east = moved((AUCKLAND, at("2026-06-10T15:00Z")))  # August opens there at 12:00 UTC on the 31st of July: too soon
    assert period(MONTHLY, east, at("2026-07-01T00:00Z")) == (at("2026-07-01T00:00Z"), at("2026-08-31T12:00Z"))


def test_a_zone_set_back_before_it_applied_changes_nothing() -> None:
    there_and_back = moved((AUCKLAND, at("2026-06-10T15:00Z")), ("UTC", at("2026-06-10T16:00Z")))
    for hour in range(96):
        when = at("2026-06-10T00:00Z") + timedelta(hours=hour)
        assert period(DAILY, there_and_back, when) == period(DAILY, in_("UTC"), when)


def test_of_two_zones_set_in_one_day_the_last_applies() -> None:
    zones = moved((AUCKLAND, at("2026-06-10T15:00Z")), (LOS_ANGELES, at("2026-06-10T16:00Z")))
    assert period(DAILY, zones, at("2026-06-11T01:00Z")) == (at("2026-06-11T00:00Z"), at("2026-06-12T07:00Z"))


def test_a_zone_set_within_the_first_period_of_another_applies_from_its_end() -> None:
    zones = moved((AUCKLAND, at("2026-06-10T15:00Z")), (LOS_ANGELES, at("2026-06-11T16:00Z")))
    assert period(DAILY, zones, at("2026-06-11T13:00Z")) == (at("2026-06-11T00:00Z"), at("2026-06-12T12:00Z"))
    assert period(DAILY, zones, at("2026-06-12T12:00Z")) == (at("2026-06-12T12:00Z"), at("2026-06-14T07:00Z"))


def test_the_zone_that_was_chosen_last_is_shown_at_once_and_choosing_it_again_is_no_change() -> None:
    history = moved((AUCKLAND, at("2026-06-10T15:00Z")))
    assert zone_name(history) == AUCKLAND
    assert change_zone(history, AUCKLAND, at("2026-06-11T15:00Z")) == history


@st.composite
def histories(draw: st.DrawFn) -> Zones:
    changes = draw(st.lists(st.tuples(zones, recent), max_size=12))
    return moved(*sorted(changes, key=lambda change: change[1]), start=draw(zones))


@given(kinds, histories(), recent)
def test_whoever_moves_however_often_every_instant_is_in_one_period(
    kind: PeriodKind, history: Zones, when: datetime
) -> None:
    periods = walk(kind, history, when, when + timedelta(days=40))
    for last, now in pairwise(periods):
        assert last.closes == now.opens
    for each in periods:
        assert each.opens < each.closes
        assert period(kind, history, each.opens) == each
        assert period(kind, history, each.closes - timedelta(microseconds=1)) == each


@given(kinds, histories(), zones, recent, recent)
def test_a_change_leaves_every_period_that_had_begun_as_it_was(
    kind: PeriodKind, history: Zones, zone: str, changed: datetime, when: datetime
) -> None:
    assume(when <= changed and all(not since or at(since) <= changed for since, _ in history))
    after = change_zone(history, zone, changed)
    assert period(kind, after, when) == period(kind, history, when)


@given(st.lists(st.tuples(zones, recent), max_size=12), zones, kinds, recent)
def test_a_wish_that_another_replaced_before_it_began_is_forgotten_and_no_period_shows_it(
    wishes: list[tuple[str, datetime]], start: str, kind: PeriodKind, when: datetime
) -> None:
    wishes = sorted(wishes, key=lambda wish: wish[1])
    every = (("", start), *((instant(set_at), name) for name, set_at in wishes))
    assert period(kind, moved(*wishes, start=start), when) == period(kind, every, when)


def test_flipping_within_a_day_keeps_no_history() -> None:
    flips = [((AUCKLAND, "UTC")[n % 2], at("2026-06-10T00:00Z") + timedelta(minutes=n)) for n in range(600)]
    assert moved(*flips) == (("", "UTC"),)


@given(histories())
def test_flipping_zones_farms_no_day(history: Zones) -> None:
    since, until = at("2026-01-01T00:00Z"), at("2027-12-31T00:00Z")
    days = walk(DAILY, history, since, until)
    assert len(days) <= (until - since).days + 2  # the first and the last are begun


@given(
    st.sampled_from([(DAILY, 1), (WEEKLY, 7), (MONTHLY, 28)]),
    st.sampled_from([1, 5, 11, 23, 24, 25, 36]),
    st.lists(zones, min_size=2, max_size=5),
    st.integers(10, 60),
)
@settings(max_examples=40)  # each chooses up to 1,400 zones
def test_flipping_zones_all_the_time_for_weeks_makes_no_more_periods_than_staying(
    of: tuple[PeriodKind, int], every: int, names: list[str], days: int
) -> None:
    kind, length = of
    since = at("2026-03-01T00:00Z")
    until = since + timedelta(days=days)
    flips = [(names[n % len(names)], since + timedelta(hours=every * n)) for n in range(int(days * 24 / every) + 1)]
    assert len(walk(kind, moved(*flips), since, until)) <= days / length + 2


@given(histories(), recent)
def test_bounds_are_a_pure_function_of_the_history(history: Zones, when: datetime) -> None:
    asked = period(DAILY, history, when)
    period(DAILY, moved(("Asia/Kolkata", when)), when)
    assert period(DAILY, freeze([list(entry) for entry in history]), when) == asked
