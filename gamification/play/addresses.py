"""The files of the page and of the client, at an address with their version beside the one without:
`/static/play/0.1.0/gamification.js` and `/static/play/gamification.js`.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import FileSystemFinder
from django.core.files.storage import FileSystemStorage
from django.http import HttpRequest, HttpResponseRedirect
from django.templatetags.static import static

FOLDERS = ("clients/typescript/src", "gamification/play/static/play")


class VersionFinder(FileSystemFinder):
    """Django knows one address a folder; this finder adds another."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        prefix = f"play/{settings.VERSION}"
        self.locations = [(prefix, str(settings.BASE_DIR / folder)) for folder in FOLDERS]
        self.storages = {root: FileSystemStorage(location=root) for _, root in self.locations}
        for storage in self.storages.values():
            storage.prefix = prefix

    def check(self, **kwargs: Any) -> list[Any]:
        return []


def of_another_version(request: HttpRequest, name: str) -> HttpResponseRedirect:
    """A page that names the version of another release gets the client that goes with this service."""
    response = HttpResponseRedirect(static(f"play/{name}"))
    response["Access-Control-Allow-Origin"] = "*"  # as all static files say: other sites import them
    response["Cache-Control"] = "max-age=60"
    return response
