"""The console's pages of analytics, one for each question: a chart, the table under it, and the table as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone

from gamification.analytics import queries
from gamification.analytics.queries import Grouping, Row, Span
from gamification.analytics.unused import unused
from gamification.console import charts, export_page
from gamification.kernel.console.readonly_admin import acting
from gamification.kernel.content import publishing
from gamification.kernel.core.audit import Change, Subject
from gamification.kernel.core.encoding import cell
from gamification.kernel.storage import audit_log

EXPORTS = "exports"
"""The name of the page that hands out rows instead of an answer."""
SEES = "analytics.view_rollup"
"""The permission to see the figures."""


@dataclass
class Table:
    name: str
    head: list[str]
    rows: list[list[Any]]
    chart: charts.Chart | None = None


@dataclass(frozen=True)
class Question:
    title: str
    asks: str
    """The question in a person's words."""
    tables: Callable[[Span, str, datetime], list[Table]]
    of: tuple[str, ...] = ()
    """The kinds of content of which one is chosen."""
    is_grouped: bool = True


class SpanForm(forms.Form):
    of = forms.ChoiceField(label="Of", required=False)
    first = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    by = forms.ChoiceField(label="By", required=False, choices=[(each.value, each.value) for each in Grouping])

    def __init__(self, *arguments: Any, question: Question, choices: list[tuple[str, str]], **named: Any) -> None:
        super().__init__(*arguments, **{"label_suffix": "", **named})
        if question.of:
            self.fields["of"].choices = choices  # type: ignore[attr-defined] # a ChoiceField
        else:
            del self.fields["of"]
        if not question.is_grouped:
            del self.fields["by"]

    def clean(self) -> dict[str, Any]:
        found = dict(super().clean() or {})
        first, last = found.get("first"), found.get("last")
        if first and last and first > last:
            raise forms.ValidationError("The first day is after the last.")
        if first and last and (last - first).days >= queries.LONGEST:
            raise forms.ValidationError(f"At most {queries.LONGEST} days at once.")
        for day in (first, last):
            if day and not 1970 <= day.year <= 9990:
                raise forms.ValidationError("A day from 1970 on.")
        return found

    def span(self, now: datetime) -> Span:
        found = self.cleaned_data if self.is_valid() else {}
        first, last = found.get("first"), found.get("last")
        month = timedelta(days=queries.USUAL - 1)
        last = last or (first + month if first else queries.today(now))
        return Span(first or last - month, last, Grouping(found.get("by") or "day"))


def page(request: HttpRequest, context: dict[str, Any], name: str) -> HttpResponseBase:
    if settings.ENABLE_ANALYTICS and name == EXPORTS:
        return export_page.page(request, {**context, **_questions(request, name)})
    if not settings.ENABLE_ANALYTICS or name not in QUESTIONS:
        raise Http404
    if not request.user.has_perm(SEES):
        raise PermissionDenied
    question, now = QUESTIONS[name], timezone.now()
    choices = _choices(question)
    form = SpanForm(request.GET or None, question=question, choices=choices)
    span, of = form.span(now), request.GET.get("of", "")
    if question.of and of not in dict(choices):
        of = choices[0][0] if choices else ""
    tables = question.tables(span, of, now) if of or not question.of else []
    for table in tables:  # a day is written as in the file
        table.rows = [[each.isoformat() if isinstance(each, date) else each for each in row] for row in table.rows]
    if "csv" in request.GET:
        file = _as_csv(name, tables, request.GET["csv"])
        if request.method == "GET":  # HEAD hands nothing out
            asked = {"of": of, "from": span.first.isoformat(), "to": span.last.isoformat()}
            audit_log.put(acting(request), "export", [Change(Subject("figures", name), after=asked)], at=now)
        return file
    initial = {"first": span.first, "last": span.last, "by": span.grouping.value, "of": of}
    shown: dict[str, Any] = {
        "title": question.title,
        "question": question,
        **_questions(request, name),
        "form": form
        if form.is_bound and not form.is_valid()
        else SpanForm(initial=initial, question=question, choices=choices),
        "tables": tables,
        "address": _address(request),
        "complete_until": queries.complete_until(now),
    }
    return TemplateResponse(request, "console/analytics.html", {**context, **shown})


def _questions(request: HttpRequest, name: str) -> dict[str, Any]:
    exports = EXPORTS if export_page.kinds_for(request) else ""
    return {"questions": [(each, QUESTIONS[each].title) for each in QUESTIONS], "exports": exports, "name": name}


def _address(request: HttpRequest) -> str:
    asked = request.GET.copy()
    asked.pop("csv", None)
    return asked.urlencode()


def _choices(question: Question) -> list[tuple[str, str]]:
    published = publishing.current().published
    found = []
    for kind in question.of:
        for id_, each in sorted(published.get(kind, {}).items()):
            title = each.definition.get("title") or each.definition.get("name") or id_
            found.append((f"{kind}:{id_}", f"{title} ({kind} {id_})" if len(question.of) > 1 else f"{title} ({id_})"))
    if question.of == ("currency",):
        known = {choice for choice, _ in found}
        used = queries.subjects("currency")
        found += [(f"currency:{id_}", id_) for id_ in used if f"currency:{id_}" not in known]
    return found


def _as_csv(name: str, tables: list[Table], which: str) -> HttpResponse:
    number = int(which) if which.isdecimal() and len(which) < 3 else 0
    if number >= len(tables):
        raise Http404
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(tables[number].head)
    writer.writerows(map(cell, row) for row in tables[number].rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}-{number}.csv"', "Cache-Control": "no-store"}
    return HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


# -- the questions -----------------------------------------------------------------------------------------------------


def _labels(rows: Iterable[Row]) -> list[str]:
    return [f"{row['day']:%-d %b}" for row in rows]


def _players(span: Span, of: str, now: datetime) -> list[Table]:
    rows = queries.summary(span)
    head = ["day", *queries.SUMMED]
    drawn = {name: [row[name] for row in rows] for name in ("active", "new")}
    done = {"achievements": [r["completions"] for r in rows], "quests": [r["quests_completed"] for r in rows],
            "claims": [r["claims"] for r in rows]}  # fmt: skip
    listed = [[row[name] for name in head] for row in rows]
    return [
        Table("Players", head, listed, charts.lines("Players active and new", _labels(rows), drawn)),
        Table("What they did", ["day", "completions", "quests_completed", "claims"],
              [[r["day"], r["completions"], r["quests_completed"], r["claims"]] for r in rows],
              charts.lines("Achievements and quests completed, rewards claimed", _labels(rows), done)),
    ]  # fmt: skip


def _retention(span: Span, of: str, now: datetime) -> list[Table]:
    rows = queries.retention(span, now)
    shown_days = [0, 1, 2, 3, 4, 5, 6, 7, 14, 21, 28, 35, 42, 49, 56, 63]
    sums: list[float | None] = []
    for after in range(64):
        known = [row for row in rows if row["returned"][after] is not None]
        players = sum(row["players"] for row in known)
        sums.append(100 * sum(row["returned"][after] for row in known) / players if players else None)
    chart = charts.lines("Of a hundred new players, so many play on that day", [f"D{n}" for n in range(64)],
                         {"%": sums})  # fmt: skip
    listed = [[row["first_day"], row["players"], *(row["returned"][n] for n in shown_days)] for row in rows]
    return [
        Table("Players by their first day", ["first day", "players", *(f"D{n}" for n in shown_days)], listed, chart)
    ]


def _content(span: Span, of: str, now: datetime) -> list[Table]:
    kind, _, id_ = of.partition(":")
    rows, totals, lift = queries.content(kind, id_, span, now)
    ways = ["begun", "quarter", "half", "three_quarters", "completed"]
    if kind == "quest":
        ways = ["begun", "completed", "failed", "expired"]
    head = ["day", *queries.OF_CONTENT]
    drawn = {name: [row[name] for row in rows] for name in ("begun", "completed")}
    times = [
        ["by the clock", *map(_said, totals["seconds"].values())],
        ["played", *map(_said, totals["played"].values())],
    ]
    found = [
        Table("How far players come", ["step", "how many"], [[way, totals[way]] for way in ways],
              charts.bars("How far players come", [way.replace("_", " ") for way in ways],
                          [totals[way] for way in ways])),
        Table("Time to complete", ["measured", "10 %", "half", "90 %"], times),
        Table("Day by day", head, [[row[name] for name in head] for row in rows],
              charts.lines("Begun and completed", _labels(rows), drawn)),
    ]  # fmt: skip
    found.append(
        Table(
            "Does it keep players?",
            ["in their first week", "players", "back in their second", "%"],
            [
                _kept("completed it", lift.early, lift.early_returned),
                _kept("did not", lift.others, lift.others_returned),
            ],
        )
    )
    if totals["pays"]:
        found.append(Table("What it paid", ["currency", "amount"], [[*each] for each in totals["pays"].items()]))
    return found


def _kept(group: str, players: int, returned: int) -> list[Any]:
    return [group, players, returned, round(100 * returned / players, 1) if players else None]


def _said(seconds: float | None) -> str | None:
    """A duration in the largest unit that it has at least two of."""
    if seconds is None:
        return None
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"


def _funnel(span: Span, of: str, now: datetime) -> list[Table]:
    rows = queries.funnel(of.partition(":")[2], span)
    versions = sorted({row["version"] for row in rows})
    found = []
    for version in versions:
        mine = [row for row in rows if row["version"] == version]
        labels = [f"{row['step']}" for row in mine]
        listed = [[row["step"], row["reached"], row["completed"], row["reached"] - row["completed"]] for row in mine]
        chart = charts.bars(f"Runs that completed each step, version {version}", labels,
                            [row["completed"] for row in mine])  # fmt: skip
        found.append(Table(f"Version {version}", ["step", "reached", "completed", "lost there"], listed, chart))
    return found or [Table("Steps", ["step", "reached", "completed", "lost there"], [])]


def _economy(span: Span, of: str, now: datetime) -> list[Table]:
    rows = queries.economy(of.partition(":")[2], span)
    came = sorted({cause for row in rows for cause in row["in"]})
    went = sorted({cause for row in rows for cause in row["out"]})
    head = ["day", *(f"in: {cause}" for cause in came), *(f"out: {cause}" for cause in went), "balance"]
    listed = [
        [row["day"], *(row["in"].get(c, 0) for c in came), *(row["out"].get(c, 0) for c in went), row["balance"]]
        for row in rows
    ]
    flows = {"in": [sum(row["in"].values()) for row in rows], "out": [sum(row["out"].values()) for row in rows]}
    balance = charts.lines("In all wallets", _labels(rows), {"balance": [row["balance"] for row in rows]})
    return [
        Table("In and out, by cause", head, listed, charts.lines("In and out", _labels(rows), flows)),
        Table("Balance", ["day", "balance"], [[row["day"], row["balance"]] for row in rows], balance),
    ]


SAID = {
    "never_completed": "nobody completed it",
    "nobody_is_near": "it was begun, and nobody came to a quarter of it",
    "no_samples": "no event counted for it",
    "not_listened_to": "no metric listens to these events",
    "never_claimed": "nobody claimed it",
}


def _unused(span: Span, of: str, now: datetime) -> list[Table]:
    rows = [[row["kind"].replace("_", " "), row["id"], SAID[row["why"]]] for row in unused(span)]
    return [Table("What nobody used", ["kind", "id", "why"], rows)]


def _quality(span: Span, of: str, now: datetime) -> list[Table]:
    rows = queries.quality(span)
    listed = [
        [row["day"], row["type"], ", ".join(f"{code} {n}" for code, n in row["rejected"].items()), row["held"],
         row["valueless"], row["late"]]
        for row in rows
    ]  # fmt: skip
    starts = list(span.starts())
    drawn = {
        "refused": [sum(sum(r["rejected"].values()) for r in rows if r["day"] == day) for day in starts],
        **{name: [sum(r[name] for r in rows if r["day"] == day) for day in starts]
           for name in ("held", "valueless", "late")},
    }  # fmt: skip
    chart = charts.lines("Events with something wrong", [f"{day:%-d %b}" for day in starts], drawn)
    return [Table("By day and type", ["day", "type", "refused", "held", "without a value", "late"], listed, chart)]


QUESTIONS: dict[str, Question] = {
    "players": Question("Players", "How many play, and how many are new?", _players),
    "retention": Question("Retention", "Who comes back, and when?", _retention, is_grouped=False),
    "content": Question("Content", "What is reached, and how long does it take?", _content,
                        of=("achievement", "quest")),
    "funnels": Question("Quest funnels", "Where does a quest lose people?", _funnel, of=("quest",), is_grouped=False),
    "economy": Question("Economy", "Where does money come from, and where does it go?", _economy, of=("currency",)),
    "unused": Question("Unused", "What does nobody use?", _unused, is_grouped=False),
    "quality": Question("Event quality", "What is wrong with the events?", _quality),
}  # fmt: skip
