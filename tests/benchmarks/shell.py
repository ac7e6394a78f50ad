"""How the shell that started the benchmark has threads wait. Imports little, so that a process soon knows it."""

from __future__ import annotations

import os

import psutil


def shell_environment() -> dict[str, str]:
    """Our environment, with OpenMP waiting as in the shell that started us: importing the helpers has changed that."""
    name = "OMP_WAIT_POLICY"
    started_with = {key: value for key, value in psutil.Process().environ().items() if key == name}
    return {key: value for key, value in os.environ.items() if key != name} | started_with
