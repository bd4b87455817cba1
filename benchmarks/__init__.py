"""Measures the hot path beside the most that a database can do: `python -m benchmarks` (`make bench`).

Importing this sets Django up on the database that the environment names: each contender is a process of its own.
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gamification.settings")
django.setup()
