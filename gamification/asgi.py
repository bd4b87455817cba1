"""What uvicorn serves: HTTP. `manage.py serve` and a deployment's web processes start here."""

import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gamification.settings")

application = ProtocolTypeRouter({"http": get_asgi_application()})
