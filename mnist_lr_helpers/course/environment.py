"""What is made of ``requirements.lock``: ``environment.yml`` (conda, Binder), and the lock without GPU libraries."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mnist_lr_helpers.course.usage import UsageError
from mnist_lr_helpers.files import PROJECT, write_atomically

LOCK = PROJECT / "requirements.lock"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
CPU_NOTE = "# With the hashes of PyTorch's own CPU builds:"
TORCH = re.compile(r"torch(vision)?==")
FOR_GPU = re.compile(r"(nvidia|cuda|triton)[\w-]*(\[[\w,]+\])?==")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
HEAD = """\
# Made by `make lock` from requirements.lock; a test fails when the two differ. PyTorch is conda-forge's CPU build.
name: mnist-lr
channels: [conda-forge]
dependencies:
  - python=3.11
  - pip
  - make
  - pytorch-cpu
  - torchvision
  - pip:
"""
VARIABLES = """\
variables:
  OMP_WAIT_POLICY: PASSIVE  # as the helpers ask for, also where torch is imported before them
"""


def locked(lock: str) -> list[str]:
    """The requirements of a lock, each with the lines of its hashes."""
    text = "\n".join(line for line in lock.splitlines() if not line.startswith("#"))
    return re.split(r"\n(?=\S)", text.strip())


def environment(lock: str) -> str:
    """The text of environment.yml."""
    plain = [one.splitlines()[0].removesuffix("\\").strip() for one in without_gpu(locked(lock))]
    listed = "".join(f"      - {requirement!r}\n" for requirement in plain if not TORCH.match(requirement))
    return HEAD + listed + "      - -e .\n" + VARIABLES


def without_gpu(requirements: Sequence[str]) -> list[str]:
    """The requirements but PyTorch's GPU libraries."""
    return [one for one in requirements if not FOR_GPU.match(one)]


def with_cpu_builds(lock: str, builds: str) -> str:
    """The lock with the hashes of another lock, of PyTorch's CPU builds, added to those of the same versions."""
    known = {one.partition("==")[0]: one for one in locked(builds)}
    requirements = locked(lock)
    for place, requirement in enumerate(requirements):
        if TORCH.match(requirement):
            added = HASH.findall(known[requirement.partition("==")[0]])
            hashes = sorted({*HASH.findall(requirement), *added})
            requirements[place] = " \\\n    ".join([requirement.splitlines()[0].removesuffix("\\").strip(), *hashes])
    versions = re.findall(r"^torch(?:vision)?==[\w.]+", lock, re.MULTILINE)
    return "\n".join([*requirements, f"{CPU_NOTE} {', '.join(versions)}", ""])


def cpu_lock(lock: str) -> str:
    """The lock for ``make run CPU=1``: no GPU libraries, and PyTorch's CPU builds as a further source.

    Raises:
        UsageError: the lock does not know the hashes of these builds.
    """
    if CPU_NOTE not in lock and sys.platform == "linux":
        raise UsageError(
            "requirements.lock has no hashes of PyTorch's CPU builds yet. `make lock` adds them where "
            f"{CPU_INDEX} can be reached; or use environment.yml, with conda, or leave CPU=1 out"
        )
    return "\n".join([f"--extra-index-url {CPU_INDEX}", *without_gpu(locked(lock)), ""])


def choose_versions(keep: bool) -> None:
    """Write requirements.lock anew, with the versions of today, or only what is new in pyproject.toml.

    Raises:
        UsageError: there is no such choice, or no way to the packages.
    """
    options = ["--all-extras", "--universal", "--no-emit-index-url", *([] if keep else ["--upgrade"])]
    uv_compile("pyproject.toml", *options, "--output-file", str(LOCK))
    add_cpu_builds()


def add_cpu_builds(index: str = CPU_INDEX) -> None:
    """Add the hashes of PyTorch's CPU builds to the lock; where these cannot be had, say so and leave it."""
    lock = LOCK.read_text(encoding="utf-8")
    wanted = "\n".join(f"{one}+cpu" for one in re.findall(r"^torch(?:vision)?==[\d.]+", lock, re.MULTILINE))
    try:
        builds = uv_compile("-", "--no-config", "--no-deps", "--index-url", index, given=wanted)
    except UsageError as error:
        print(f"no hashes of CPU builds: {str(error).splitlines()[0]}", file=sys.stderr)
        return
    write_atomically(LOCK, with_cpu_builds(lock, builds).encode())


def uv_compile(*options: str, given: str = "") -> str:
    """What uv chooses, with hashes.

    Raises:
        UsageError: uv found no choice, or no way to the packages.
    """
    form = ["--generate-hashes", "--no-header", "--no-annotate", "--quiet", "--python-version", "3.11"]
    command = [sys.executable, "-m", "uv", "pip", "compile", *form, *options]
    settings = {"capture_output": True, "text": True, "encoding": "utf-8", "cwd": PROJECT}
    made = subprocess.run(command, input=given, check=False, **settings)
    if made.returncode:
        raise UsageError(made.stderr.strip())
    return made.stdout


def write_cpu_lock(target: Path) -> None:
    """Write the lock for ``make run CPU=1`` into a file."""
    write_atomically(target, cpu_lock(LOCK.read_text(encoding="utf-8")).encode())


def write_environment() -> None:
    """Write environment.yml."""
    write_atomically(PROJECT / "environment.yml", environment(LOCK.read_text(encoding="utf-8")).encode())
