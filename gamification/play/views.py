"""The player's page with its demo player. In development, with the sample game; anywhere else nothing is here.

Plain Django views, so that its middleware asks both POSTs for the page's CSRF token: another site that is open in the
same browser can neither play nor fetch a token.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from rest_framework import serializers
from rest_framework.exceptions import APIException

from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import Refused
from gamification.kernel.web import problem, problem_response
from gamification.kernel.web.parsing import JSONParser
from gamification.kernel.web.strict_fields import Shape, parse
from gamification.kernel.web.tokens import issue_token
from gamification.play import demo
from gamification.play.moves import MOVES, Move
from progress.queries import admission

View = Callable[[HttpRequest], HttpResponse]


class MoveShape(Shape):
    move = serializers.ChoiceField(choices=[*MOVES, demo.OBLIGE])


def with_the_demo(view: View) -> View:
    @wraps(view)
    def wrapper(request: HttpRequest) -> HttpResponse:
        if not demo.is_open():
            return problem_response(404, "not_found", "There is nothing at this address.")
        return view(request)

    return never_cache(wrapper)


@with_the_demo
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    feed = feed_url(request)
    moves = {**MOVES, demo.OBLIGE: Move("🤝", "Do as a quest asks", lambda dice: [])}
    shown = {"moves": moves, "player": demo.PLAYER, "feed": feed, "csrf_token": get_token(request)}
    response = render(request, "play/play.html", shown)
    response["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' {feed}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return response


def feed_url(request: HttpRequest) -> str:
    host = request.get_host()
    if settings.WS_PORT != settings.PORT:
        host = f"{host.rsplit(':', 1)[0] if not host.endswith(']') else host}:{settings.WS_PORT}"
    return f"{'wss' if request.is_secure() else 'ws'}://{host}{settings.WS_PATH}"


@with_the_demo
@require_POST
def token(request: HttpRequest) -> HttpResponse:
    """A token of the demo player, as a game's own server would hand one to a player who has signed in."""
    text, expires_at = issue_token(demo.PLAYER, timezone.now(), admission(demo.PLAYER).generation)
    return JsonResponse({"token": text, "expires_at": instant(expires_at)})


@with_the_demo
@require_POST
def event(request: HttpRequest) -> HttpResponse:
    """Plays `{"move": …}` and says which events were sent for it; what they came to, the feed tells."""
    try:
        move = parse(MoveShape, JSONParser().parse(BytesIO(request.body)))["move"]
    except (Refused, APIException, RequestDataTooBig) as refused:
        return problem(refused) or problem_response(400, "invalid", str(refused))
    now = timezone.now()
    played: dict[str, Any] = {"completed": demo.oblige(now)} if move == demo.OBLIGE else {"sent": demo.play(move, now)}
    return JsonResponse(played)
