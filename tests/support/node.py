"""Examples in Node, each in a folder of its own with the packages that its lock names."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest


def installed(example: Path, folder: Path) -> Path:
    """A copy of `example` in `folder`, ready to run; the test is skipped where Node or its registry is missing."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("needs Node and npm: apt-get install nodejs npm")
    for file in example.glob("*.*"):
        shutil.copy(file, folder)
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=folder, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"npm cannot fetch what {example.name} needs: {done.stderr.strip().splitlines()[-1:]}")
    return folder


def assert_names_no_registry(lock: Path) -> None:
    packages = [package for name, package in json.loads(lock.read_text())["packages"].items() if name]
    assert packages
    assert all("resolved" not in package and package["integrity"].startswith("sha512-") for package in packages)
