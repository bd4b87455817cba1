# Loaded with Django, so that every @shared_task finds this app and not Celery's default one on localhost.
from gamification.celery import app as celery_app

__all__ = ["celery_app"]
