"""Reads of the REST API: each is answered whole in one thread, which keeps its connection to the database.

Under ASGI Django makes a thread and a connection for each request, and hands the request from the event loop to that
thread and back once for each middleware and once for the view. For a read that takes a millisecond this costs several.
Here the same middleware and the same views run one after the other in a thread that is there already; but for the
middleware that is there for people, who come with a cookie.
"""

from __future__ import annotations

import asyncio
import io
import select
import threading
from collections import deque
from collections.abc import Callable, Collection
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.db import connection
from django.http import HttpResponse, HttpResponseBase
from django.urls import set_script_prefix
from django.utils.module_loading import import_string

from gamification.kernel.core.messages import PlayerId
from gamification.kernel.storage import database_timeout
from gamification.kernel.web import lasting
from gamification.kernel.web.lasting import Lasting
from gamification.kernel.web.representations import PREFIX
from gamification.serving.bodies import Application, Receive, Scope, Send
from gamification.serving.remembered import Memory

FOR_PEOPLE = frozenset(
    (
        "whitenoise.middleware.WhiteNoiseMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    )
)
"""Middleware that no read of the API needs: it serves files, and knows people by their cookies, which the API takes of
nobody."""
TAKES_LONG = "/export"
"""How the address ends of what may take minutes: it must not keep a thread from others."""
THREADS = 8
"""As many reads at a time, and connections kept, in a process."""
IDLE = 10.0
"""Seconds without a request after which a thread ends and lets go of its connection."""


class Reads:
    """Answers reads of the API and hands on the rest."""

    def __init__(self, django: Application) -> None:
        self._django = django
        self._handler = _Handler()
        self._threads = Threads(THREADS)
        self._lookers = Threads(1)
        self._memory = Memory(self._look_up)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_read(scope):
            await self._django(scope, receive, send)
            return
        asked = await self._memory.asked(scope)
        if asked is not None and await self._memory.tells(asked, scope, send):
            return
        response, about = await self._threads.run(lambda: self._handler.answer(scope))
        if asked is not None:
            self._memory.keep(asked, scope, response, about)
        await self._handler.send_response(response, send)  # type: ignore[arg-type] # the same but in name

    async def _look_up(self, player_ids: Collection[PlayerId]) -> lasting.Versions:
        def look_up() -> lasting.Versions:
            with database_timeout.within(settings.DB_TIMEOUT):
                return lasting.versions(player_ids)

        found: lasting.Versions = await self._lookers.run(look_up)
        return found


def _is_read(scope: Scope) -> bool:
    """Whether it is a read of the API without a body."""
    return (
        scope["method"] in ("GET", "HEAD")
        and scope["path"].startswith(PREFIX)
        and not scope["path"].endswith(TAKES_LONG)
        and not any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])
    )


class _Handler(ASGIHandler):
    """Django's handler with its middleware in one piece: nothing of it is handed from thread to thread."""

    def __init__(self) -> None:
        BaseHandler.__init__(self)
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        handler = convert_exception_to_response(self._get_response)  # type: ignore[attr-defined]
        for name in reversed([each for each in settings.MIDDLEWARE if each not in FOR_PEOPLE]):
            try:
                middleware = import_string(name)(handler)
            except MiddlewareNotUsed:
                continue
            if hasattr(middleware, "process_view"):
                self._view_middleware.insert(0, middleware.process_view)
            handler = convert_exception_to_response(middleware)
        self._middleware_chain = handler

    def answer(self, scope: Scope) -> tuple[HttpResponseBase, Lasting | None]:
        """The answer, and what its view has said of how long it lasts."""
        set_script_prefix(get_script_prefix(scope))
        request, refusal = self.create_request(scope, io.BytesIO())
        if request is None:
            return cast(HttpResponse, refusal), None
        with database_timeout.within(settings.DB_TIMEOUT):
            return self.get_response(request), getattr(request, "lasting", None)


class Threads:
    """Threads that answer one request after the other and keep their connections meanwhile."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[tuple[Callable[[], Any], asyncio.Future[Any], asyncio.AbstractEventLoop]] = deque()
        self._changed = threading.Condition()
        self._threads = self._idle = 0

    async def run(self, work: Callable[[], Any]) -> Any:
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        with self._changed:
            self._waiting.append((work, answer, loop))
            if self._idle >= len(self._waiting):
                self._changed.notify()
            elif self._threads < self._most:
                self._threads += 1
                threading.Thread(target=self._run, name="reads", daemon=True).start()
        return await answer

    def _run(self) -> None:
        try:
            while (job := self._next()) is not None:
                work, answer, loop = job
                try:
                    _renew()
                    result, failure = work(), None
                    _release()
                except Exception as raised:
                    result, failure = None, raised
                    connection.close()
                try:
                    loop.call_soon_threadsafe(_settle, answer, result, failure)
                except RuntimeError:  # it was closed: nobody waits any more
                    continue
        finally:
            connection.close()

    def _next(self) -> Any:
        """What to do next; None, and so the end of this thread, when nothing comes for long."""
        with self._changed:
            self._idle += 1
            came = self._waiting or self._changed.wait_for(lambda: self._waiting, IDLE)
            self._idle -= 1
            if came:
                return self._waiting.popleft()
            self._threads -= 1
            return None


def _settle(answer: asyncio.Future[Any], result: Any, failure: Exception | None) -> None:
    if answer.done():  # the client left
        return
    if failure is not None:
        answer.set_exception(failure)
    else:
        answer.set_result(result)


def _renew() -> None:
    """Let go of a connection that the server has closed since the last request: nothing else is to be read then."""
    if connection.connection is None or connection.vendor != "postgresql":
        return
    raw = connection.connection
    if raw.closed or _has_something_to_read(raw.fileno()):
        raw.close()
        connection.close()


def _has_something_to_read(number: int) -> bool:
    """Whether a file can be read at once. Not by select(), which ends at 1,024 open files."""
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return bool(poll.poll(0))


def _release() -> None:
    """Let go of a connection that something went wrong with."""
    if connection.errors_occurred or connection.in_atomic_block:
        connection.close()
