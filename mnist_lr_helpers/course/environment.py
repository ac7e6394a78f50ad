"""``environment.yml`` (conda, Binder) from ``requirements.lock``: the same versions, one place to change them."""

from __future__ import annotations

from mnist_lr_helpers.files import PROJECT, write_atomically

HEAD = """\
# Made by `make lock` from requirements.lock; a test fails when the two differ.
name: mnist-lr
channels: [conda-forge]
dependencies:
  - python=3.11
  - pip
  - make
  - pip:
"""
VARIABLES = """\
variables:
  OMP_WAIT_POLICY: PASSIVE  # as the helpers ask for, also where torch is imported before them
"""


def locked() -> list[str]:
    """The requirements of the lock file without their hashes."""
    lines = (PROJECT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return [line.removesuffix("\\").strip() for line in lines if line[:1].strip() and not line.startswith("#")]


def environment() -> str:
    """The text of environment.yml."""
    return HEAD + "".join(f"      - {requirement!r}\n" for requirement in locked()) + "      - -e .\n" + VARIABLES


def write_environment() -> None:
    """Write environment.yml."""
    write_atomically(PROJECT / "environment.yml", environment().encode())
