"""What uvicorn serves: HTTP, and the live feed at WS_PATH. `manage.py serve` and web processes start here."""

import os
from typing import Any

from channels.routing import ProtocolTypeRouter
from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gamification.settings")

django = get_asgi_application()

from gamification.console import uploads  # noqa: E402 - they import models, which the line above loads
from gamification.feed.consumer import FeedConsumer  # noqa: E402
from gamification.intake.application import Events, is_for_events  # noqa: E402
from gamification.kernel.storage import database_timeout  # noqa: E402
from gamification.serving.bodies import Bodies  # noqa: E402
from gamification.serving.proxies import Proxies  # noqa: E402
from gamification.serving.reads import Reads  # noqa: E402
from gamification.serving.timing import Timed  # noqa: E402

feed = FeedConsumer.as_asgi()
PROBES = ("/healthz", "/readyz")


async def http(scope: Any, receive: Any, send: Any) -> None:
    if is_for_events(scope):
        await events(scope, receive, send)
    else:
        await reads(scope, receive, send)


async def pages(scope: Any, receive: Any, send: Any) -> None:
    if not scope["path"].startswith("/admin/"):  # people wait there, for lists and exports that take a while
        database_timeout.limit_to(settings.DB_TIMEOUT)
    await django(scope, receive, send)


async def sockets(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] == settings.WS_PATH:
        await feed(scope, receive, send)
    else:
        await nothing_here(scope, receive, send)


async def nothing_here(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close"})
    else:
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})


events = Events(pages)
reads = Reads(pages)
everything = ProtocolTypeRouter({"http": http, "websocket": sockets})
application = Timed(Proxies(Bodies(everything, uploads=uploads.allowed)))


async def _by_port(scope: Any, receive: Any, send: Any) -> None:
    """Serve the feed at WS_PORT only, and everything else at the other port only; the probes at both."""
    is_feeds_port = (scope.get("server") or ("", 0))[1] == settings.WS_PORT
    belongs_there = scope["type"] == "websocket"
    if is_feeds_port != belongs_there and not (scope["type"] == "http" and scope["path"] in PROBES):
        await nothing_here(scope, receive, send)
    else:
        await everything(scope, receive, send)


split_by_port = Timed(Proxies(Bodies(_by_port, uploads=uploads.allowed)))
"""What `serve` runs where WS_PORT is another port than PORT."""
