"""The dead letters, as `manage.py deadletters` shows and handles them."""

from io import StringIO

from django.core.management import call_command


def deadletters(*arguments: str) -> str:
    output = StringIO()
    call_command("deadletters", *arguments, stdout=output, stderr=StringIO())
    return output.getvalue()
