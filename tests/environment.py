"""``environment.yml`` (conda, Binder) from ``requirements.lock``: the same versions, one place to change them."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
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


def locked() -> list[str]:
    """The requirements of the lock file without their hashes."""
    lines = (PROJECT / "requirements.lock").read_text().splitlines()
    return [line.removesuffix("\\").strip() for line in lines if line[:1].strip() and not line.startswith("#")]


def environment() -> str:
    """The text of environment.yml."""
    return HEAD + "".join(f"      - {requirement!r}\n" for requirement in [*locked(), "-e ."]).replace("'-e .'", "-e .")


if __name__ == "__main__":
    (PROJECT / "environment.yml").write_text(environment())
