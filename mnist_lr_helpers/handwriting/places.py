"""Where drawings lie: folders, archives and single files; and what their names tell of label and writer."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mnist_lr_helpers.exceptions import DataError

ASIDE = ("__MACOSX", "Thumbs.db", "desktop.ini")  # what systems leave behind
MAXIMUM_BYTES = 300_000_000  # of one file
BEGINS_WITH_A_DIGIT = re.compile(r"(\d)(?:[^0-9A-Za-z].*)?")


@dataclass(frozen=True)
class File:
    """A file and its place: below the given folder, with an archive's name as one more folder.

    ``path`` is where it lies on the disk, and ``None`` within an archive.
    """

    place: PurePosixPath
    payload: bytes
    path: Path | None = None

    @property
    def folders(self) -> tuple[str, ...]:
        """The names of the folders that it lies in, outermost first."""
        return self.place.parts[:-1]

    @property
    def label(self) -> int | None:
        """The digit that a folder's name or the file's own says: ``7/0001.png``, ``7_3.png``; ``None`` without one.

        Raises:
            DataError: they contradict each other.
        """
        by_folder = [int(one) for one in self.folders if re.fullmatch(r"[0-9]", one)]
        by_name = BEGINS_WITH_A_DIGIT.fullmatch(self.place.stem)
        if not by_folder:
            return int(by_name[1]) if by_name else None
        if len(set(by_folder)) > 1 or (by_name and self.place.stem != by_name[1] and int(by_name[1]) != by_folder[0]):
            raise DataError(f"{self.place}: folder and name tell two digits.\nRename one; students may be s1, s2, …")
        return by_folder[0]

    @property
    def writer(self) -> str:
        """The outermost folder that is no digit, ``""`` without one."""
        return next((one for one in self.folders if not re.fullmatch(r"[0-9]", one)), "")


def files_at(path: Path) -> Iterator[File]:
    """All files below a folder or in an archive, in order of their names; or the one file.

    Raises:
        DataError: nothing is there, a file of more than 300 MB, or a damaged or locked archive.
    """
    if not path.exists():
        raise DataError(
            f"{path} does not exist.\nName a folder with drawings, an archive, a sheet's picture or a table"
        )
    if path.is_file():
        single = File(PurePosixPath(path.name), _content(path), path)
        yield from _opened(single, PurePosixPath()) if path.suffix.lower() == ".zip" else [single]
        return
    for one in sorted(path.rglob("*")):
        place = PurePosixPath(one.relative_to(path).as_posix())
        if one.is_file() and not _is_aside(place):
            file = File(place, _content(one), one)
            yield from _opened(file, place.with_suffix("")) if place.suffix.lower() == ".zip" else [file]


def _opened(archive: File, folder: PurePosixPath) -> Iterator[File]:
    """What an archive holds, as if unpacked into a folder."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive.payload)) as opened:
            for entry in sorted(opened.infolist(), key=lambda entry: entry.filename):
                place = folder / entry.filename
                if entry.is_dir() or _is_aside(place):
                    continue
                _refuse_if_large(entry.file_size, f"{archive.place}/{entry.filename}")
                yield File(place, opened.read(entry))
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        raise DataError(
            f"{archive.place} cannot be unpacked ({error}).\nPack it once more, without a password"
        ) from error


def _is_aside(place: PurePosixPath) -> bool:
    return any(part in ASIDE or part.startswith(".") for part in place.parts)


def _content(path: Path) -> bytes:
    _refuse_if_large(path.stat().st_size, str(path))
    return path.read_bytes()


def _refuse_if_large(size: int, name: str) -> None:
    if size > MAXIMUM_BYTES:
        raise DataError(f"{name} has {size / 1e6:,.0f} MB.\nGive less than {MAXIMUM_BYTES // 1_000_000} MB a file")
