"""Requests under `/api/v1/`: tried again while there is a point in it, with the same idempotency key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import httpx

from gamification_client.aio.waiting import Pauses
from gamification_client.calls import MOST_WAIT, TIMEOUT, TRIES, Body, Call, Query, answer, call, cursor_of, no_answer
from gamification_client.problems import Problem, back_off


class Rest:
    def __init__(
        self,
        service: str,
        authorize: Callable[[], Awaitable[str]],
        refuse: Callable[[str], bool] = lambda signed: False,
        timeout: float = TIMEOUT,
    ) -> None:
        """`authorize` answers what `Authorization` says; `refuse` is told which of these was not taken, and answers
        whether there will be another.
        """
        self._authorize = authorize
        self._refuse = refuse
        self.pauses = Pauses()
        self._http = httpx.AsyncClient(base_url=service, timeout=timeout)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Body | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        tries: int = TRIES,
    ) -> Any:
        """The answer's JSON. Raises Problem."""
        wanted = call(method, path, query, body, key, headers)
        is_renewed = False
        failures = 0
        while True:
            signed = await self._authorize()
            try:
                return await self._once(wanted, signed)
            except Problem as problem:
                if problem.status == 401 and not is_renewed and self._refuse(signed):
                    is_renewed = True
                    continue
                failures += 1
                if not problem.is_passing or failures >= tries:
                    raise
                wait = back_off(failures) if problem.retry_after is None else problem.retry_after
                if wait > MOST_WAIT or not await self.pauses.wait(wait):
                    raise

    async def _once(self, wanted: Call, signed: str) -> Any:
        headers = {**wanted.headers, "Authorization": signed}
        try:
            response = await self._http.request(
                wanted.method, wanted.path, params=wanted.query, headers=headers, content=wanted.content
            )
        except httpx.HTTPError as problem:
            raise no_answer(problem) from problem
        return answer(response)

    async def rows(self, path: str, query: Query | None = None) -> AsyncIterator[Any]:
        """The rows of a list one after the other; the next page is read when it is come to."""
        cursor = None
        while True:
            page = await self.request("GET", path, query={"page_size": 200, **(query or {}), "cursor": cursor})
            for row in page["results"]:
                yield row
            cursor = cursor_of(page["next"])
            if cursor is None:
                return

    async def all(self, path: str, query: Query | None = None) -> list[Any]:
        """All rows of a list, over all its pages."""
        return [row async for row in self.rows(path, query)]

    async def close(self) -> None:
        """Nobody waits any longer for another try."""
        self.pauses.end()
        await self._http.aclose()
