import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
import time_machine
from django.db import connection, connections
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from gamification import retention
from gamification.kernel.core.messages import Refused
from gamification.kernel.models import ApiKey, IdempotencyKey, RejectedEvent
from gamification.kernel.storage import claims
from gamification.kernel.web import idempotent
from gamification.kernel.web.access import create_key, rotate
from tests.support.callers import assert_problem

NOON = datetime(2026, 5, 30, 12, tzinfo=UTC)


class Paint(APIView):
    """Leaves one mark for every time that it takes effect."""

    scopes: ClassVar[dict[str, str]] = {"POST": "events:write"}
    meanwhile: ClassVar[Callable[[], object] | None] = None
    status: ClassVar[int] = 201

    @extend_schema(parameters=[OpenApiParameter("twice")])
    @idempotent
    def post(self, request: Request) -> Response:
        leave_mark()
        if Paint.meanwhile is not None:
            Paint.meanwhile()
        assert isinstance(request.data, dict)
        return Response({**request.data, "marks": marks()}, status=Paint.status)


class Spend(APIView):
    scopes: ClassVar[dict[str, str]] = {"POST": "events:write"}

    @idempotent(required=True)
    def post(self, request: Request) -> Response:
        leave_mark()
        return Response({})


class NotToday(Refused):
    code = "not_today"


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    yield
    Paint.meanwhile, Paint.status = None, 201


@pytest.fixture
def key(db: None) -> str:
    return create_key("game", ["events:write"])[1]


def leave_mark() -> None:
    RejectedEvent.objects.create(
        player_id="ada", event_id="e", type="t", code="c", detail="", timestamp=NOON, rejected_at=NOON
    )


def marks() -> int:
    return RejectedEvent.objects.count()


def post(key: str, body: Any, name: str | None = "one", view: type[APIView] = Paint, path: str = "/paint") -> Any:
    headers = {"Authorization": f"Api-Key {key}"} | ({} if name is None else {"Idempotency-Key": name})
    text = body if isinstance(body, str) else json.dumps(body)
    request = APIRequestFactory().generic("POST", path, text, content_type="application/json", headers=headers)
    response = view.as_view()(request)
    if isinstance(response, Response):
        response.render()
    return response


@pytest.mark.django_db(transaction=True)
def test_whoever_is_killed_between_claim_and_commit_leaves_no_effect_and_a_retry_has_one() -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        key = create_key("game", ["events:write"])[1]
        connections.close_all()  # a process has connections of its own
        child = os.fork()
        if child == 0:
            try:
                Paint.meanwhile = staticmethod(
                    lambda: os.kill(os.getpid(), signal.SIGKILL)
                )  # once it has had its effect
                post(key, {"colour": "red"})
            finally:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        assert [(row.status, marks()) for row in IdempotencyKey.objects.all()] == [(None, 0)]
        assert_problem(post(key, {"colour": "red"}), 409, "idempotency_in_progress")
        clock.shift(claims.TAKEOVER_AFTER)
        first, again = (post(key, {"colour": "red"}) for _ in range(2))
        assert (first.status_code, again.status_code, marks()) == (201, 201, 1)
        assert again["Idempotent-Replayed"] == "true"
        assert json.loads(again.content) == json.loads(first.content)


def test_the_same_request_gets_the_first_answer_and_takes_effect_once(key: str) -> None:
    first, second = post(key, {"colour": "red"}), post(key, {"colour": "red"})
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content == b'{"colour":"red","marks":1}'
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert second["Content-Type"] == "application/json"
    assert marks() == 1


def test_the_same_json_is_the_same_request_however_it_is_written(key: str) -> None:
    post(key, '{"colour": "red", "size": 1}')
    assert post(key, '{"size":1.0,"colour":"red"}')["Idempotent-Replayed"] == "true"


def test_the_same_key_with_another_request_is_refused(key: str) -> None:
    post(key, {"colour": "red"})
    assert_problem(post(key, {"colour": "blue"}), 422, "idempotency_key_reused")
    assert_problem(post(key, {"colour": "red"}, path="/paint?twice=1"), 422, "idempotency_key_reused")
    assert_problem(post(key, {"colour": "red"}, path="/other"), 422, "idempotency_key_reused")
    assert marks() == 1


def test_each_caller_has_keys_of_its_own(key: str) -> None:
    other = create_key("other", ["events:write"])[1]
    post(key, {"colour": "red"})
    assert "Idempotent-Replayed" not in post(other, {"colour": "blue"})
    assert marks() == 2


def test_a_key_and_its_successors_are_one_caller(key: str) -> None:
    first = post(key, {"colour": "red"})
    row = ApiKey.objects.get(prefix=key.partition(".")[0])
    second, text = rotate(row, now=datetime.now(UTC))
    _, latest = rotate(second, now=datetime.now(UTC))
    assert post(text, {"colour": "red"}).content == post(latest, {"colour": "red"}).content == first.content
    assert_problem(post(latest, {"colour": "blue"}), 422, "idempotency_key_reused")
    post(latest, {"colour": "red"}, "new")
    assert post(key, {"colour": "red"}, "new")["Idempotent-Replayed"] == "true"  # both go on for a while
    assert marks() == 2


def test_a_claim_that_nobody_holds_any_more_is_forgotten(key: str) -> None:
    with time_machine.travel(NOON, tick=False):
        post(key, {}, "about-ada")
        IdempotencyKey.objects.update(status=None, body="")
        post(key, {}, "answered")
    retention.forget_answers(NOON + timedelta(minutes=10))
    assert IdempotencyKey.objects.count() == 2
    retention.forget_answers(NOON + timedelta(minutes=10, seconds=1))
    assert IdempotencyKey.objects.get().key == "answered"


def test_without_a_key_every_request_takes_effect(key: str) -> None:
    post(key, {}, None)
    post(key, {}, None)
    assert marks() == 2
    assert not IdempotencyKey.objects.exists()


def test_where_a_key_is_needed_a_request_without_one_is_refused(key: str) -> None:
    assert_problem(post(key, {}, None, Spend), 400, "idempotency_key_required", "Idempotency-Key")
    assert marks() == 0
    assert post(key, {}, "one", Spend).status_code == 200
    assert marks() == 1


@pytest.mark.parametrize("name", ["", " ", "a b", "é", "x" * 256, "a\tb", "\x7f"])
def test_a_key_is_1_to_255_visible_ascii_characters(key: str, name: str) -> None:
    assert_problem(post(key, {}, name), 400, "invalid", "Idempotency-Key")
    assert marks() == 0


def test_255_characters_are_a_key(key: str) -> None:
    assert post(key, {}, "x" * 255).status_code == 201


def test_an_answer_is_kept_for_a_day(key: str) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        post(key, {"colour": "red"})
        clock.shift(24 * 3600 - 1)
        assert post(key, {"colour": "red"})["Idempotent-Replayed"] == "true"
        clock.shift(1)
        assert post(key, {"colour": "blue"}).status_code == 201
        assert post(key, {"colour": "blue"})["Idempotent-Replayed"] == "true"
    assert marks() == 2


@pytest.mark.parametrize("status", [400, 409, 500])
def test_an_answer_that_is_no_success_is_not_kept(key: str, status: int) -> None:
    Paint.status = status
    assert post(key, {}).status_code == status
    Paint.status = 201
    assert post(key, {}).status_code == 201


def test_a_refusal_leaves_neither_effect_nor_answer(key: str) -> None:
    def refuse() -> None:
        raise NotToday("Not today.")

    Paint.meanwhile = refuse
    assert_problem(post(key, {}), 409, "not_today")
    assert marks() == 0
    Paint.meanwhile = None
    assert post(key, {}).status_code == 201
    assert marks() == 1


def test_a_crash_leaves_neither_effect_nor_answer(key: str) -> None:
    def crash() -> None:
        raise RuntimeError

    Paint.meanwhile = crash
    with pytest.raises(RuntimeError):
        post(key, {})
    assert marks() == 0
    assert not IdempotencyKey.objects.exists()


def test_whom_an_answer_was_about_goes_with_it(key: str) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        post(key, {})
        IdempotencyKey.objects.get().players.create(pseudonym="ada")
        clock.shift(24 * 3600)
        post(key, {})  # another answer, in the row of the first
    assert not IdempotencyKey.objects.get().players.exists()


def test_an_abandoned_claim_is_taken_over_after_a_minute(key: str) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        post(key, {"colour": "red"})
        IdempotencyKey.objects.update(status=None, body="")  # as a process leaves it that dies at work
        RejectedEvent.objects.all().delete()
        clock.shift(59)
        refused = post(key, {"colour": "red"})
        assert_problem(refused, 409, "idempotency_in_progress")
        assert refused["Retry-After"] == "1"
        assert marks() == 0
        clock.shift(1)
        assert post(key, {"colour": "red"}).status_code == 201
        assert post(key, {"colour": "red"})["Idempotent-Replayed"] == "true"
    assert marks() == 1


def test_a_holder_whose_claim_was_taken_over_takes_its_work_back(key: str) -> None:
    def be_overtaken() -> None:
        IdempotencyKey.objects.update(created_at=NOON + timedelta(seconds=61))

    Paint.meanwhile = be_overtaken
    with time_machine.travel(NOON, tick=False):
        assert_problem(post(key, {}), 409, "idempotency_in_progress")
    assert marks() == 0


def test_an_answer_without_a_body_is_given_again(key: str) -> None:
    class Quiet(APIView):
        scopes: ClassVar[dict[str, str]] = {"POST": "events:write"}

        @idempotent
        def post(self, request: Request) -> HttpResponse:
            leave_mark()
            return HttpResponse(status=204)

    assert [post(key, {}, "one", Quiet).status_code for _ in range(2)] == [204, 204]
    assert marks() == 1


def slow_work() -> None:
    """Takes long enough for the others to come while it is going on."""
    time.sleep(0.05)


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_takes_effect() -> None:
    key = create_key("game", ["events:write"])[1]
    begun = threading.Barrier(8)
    Paint.meanwhile = slow_work

    def race(_: int) -> tuple[int, str]:
        try:
            begun.wait(timeout=10)
            response = post(key, {"colour": "red"})
            return response.status_code, response.get("Idempotent-Replayed", "")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(race, range(8)))
    assert answers.count((201, "")) == 1
    assert set(answers) <= {(201, ""), (201, "true"), (409, "")}
    assert marks() == 1


def test_answers_are_forgotten_when_their_day_is_over(key: str) -> None:
    with time_machine.travel(NOON, tick=False):
        post(key, {}, "old")
    with time_machine.travel(NOON + timedelta(seconds=1), tick=False):
        post(key, {}, "new")
    retention.forget_answers(NOON + timedelta(hours=24, seconds=1))
    assert IdempotencyKey.objects.get().key == "new"
