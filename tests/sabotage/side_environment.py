"""Environments of their own for programs that a test needs and the course does not: its lock stays as it is."""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from mnist_lr_helpers.files import PROJECT


def side_environment(name: str, *packages: str) -> Path:
    """The folder of programs of an environment under build/ that has these packages, and sees what this one has.

    Raises:
        RuntimeError: they cannot be installed here.
    """
    folder = PROJECT / "build" / name
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    installed = folder / "installed.txt"
    if not installed.exists() or installed.read_text(encoding="utf-8").split() != [*packages]:
        venv.create(folder, with_pip=True, clear=True)
        seen = Path(sysconfig.get_path("purelib", vars={"base": str(folder)})) / "course.pth"
        seen.write_text("\n".join(path for path in sys.path if path), encoding="utf-8")
        install = [programs / "python", "-m", "pip", "install", "--quiet", *packages]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{', '.join(packages)} cannot be installed here: {done.stderr[-300:]}")
        installed.write_text("\n".join(packages), encoding="utf-8")
    return programs
