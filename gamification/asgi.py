"""What uvicorn serves: HTTP, and the live feed at WS_PATH. `manage.py serve` and web processes start here."""

import os
from typing import Any

from channels.routing import ProtocolTypeRouter
from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gamification.settings")

http = get_asgi_application()

from gamification.feed.consumer import FeedConsumer  # noqa: E402 - its models, which the line above has loaded

feed = FeedConsumer.as_asgi()
PROBES = ("/healthz", "/readyz")


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


application = ProtocolTypeRouter({"http": http, "websocket": sockets})


async def two_doors(scope: Any, receive: Any, send: Any) -> None:
    """For `serve` with a WS_PORT of its own: there the feed alone, with the probes; at the other port the rest."""
    is_feeds_port = (scope.get("server") or ("", 0))[1] == settings.WS_PORT
    belongs_there = scope["type"] == "websocket"
    if is_feeds_port != belongs_there and not (scope["type"] == "http" and scope["path"] in PROBES):
        await nothing_here(scope, receive, send)
    else:
        await application(scope, receive, send)
