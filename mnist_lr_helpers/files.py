"""Where the project lies, and writing its files whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from mnist_lr_helpers.exceptions import FileError

PROJECT = Path(__file__).resolve().parents[1]


def write_atomically(path: Path, payload: bytes) -> None:
    """Write a file so that it is there whole or not at all, whatever happens meanwhile.

    Raises:
        FileError: the file cannot be written (folder read-only, disk full, …).
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise FileError(
            f"cannot write {path}: {error.strerror}. Free some space, make the folder writable, or name another one"
        ) from error
