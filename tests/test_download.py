"""Whatever the mirror, the disk or the neighbours do: the right files, or an error that says what to do."""

import ctypes
import errno
import gzip
import os
import resource
import shutil
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from mnist_lr_helpers import download

import pytest
from conftest import Answer, Server, in_child, published, tiny_files

NAMES = tuple(tiny_files())
UNPACKED = {name.removesuffix(".gz"): gzip.decompress(packed) for name, packed in tiny_files().items()}
Play = Callable[..., Server]
Patch = pytest.MonkeyPatch


def kept(root: Path | str | None = None) -> dict[str, bytes]:
    """What lies in the data folder, apart from the lock."""
    folder = download.raw_folder("mnist", root=root)
    return {file.name: file.read_bytes() for file in folder.glob("*") if file.name != ".lock"}


def is_right(root: Path | str | None = None) -> bool:
    """Provide, and compare every byte in the data folder with what was published."""
    download.provide("mnist", root=root)
    return kept(root) == tiny_files() | UNPACKED


def publish(monkeypatch: Patch, *places: str, **options: object) -> None:
    monkeypatch.setitem(download.CATALOGUE, "mnist", published(*places, **options))


# What a mirror may do wrong: how it behaves, and what the error must say of it.


def cut(answer: Answer, packed: bytes) -> None:
    answer.send(packed[: len(packed) // 2], length=len(packed))


def reset(answer: Answer, packed: bytes) -> None:
    cut(answer, packed)
    answer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


FAULTS = {
    "a log-in page": (lambda a, _: a.send(b"\n<!DOCTYPE html>Log in first", kind="text/html"), "sent an HTML page"),
    "404": (lambda a, _: a.send_error(404), "answered 404 Not Found"),
    "an empty answer": (lambda a, _: a.send(b""), "sent 0 bytes"),
    "cut at half": (cut, r"the connection broke after [\d,]+ of [\d,]+ bytes"),
    "reset at half": (reset, "Connection reset|the connection broke"),
    "never answers": (lambda a, _: a.stall(), "no answer within 2 s"),
    "falls silent": (lambda a, packed: a.send(packed[:100], length=len(packed)) or a.stall(), "timed out"),
    "slow drip": (
        lambda a, packed: a.send(b"", length=len(packed)) or a.stall(b"\0", 0.05),
        r"only \d+ bytes within \d s",
    ),
    "no end": (lambda a, _: a.send(b"", length="") or a.stall(bytes(2**20), 0), "more than 4,194,304 bytes"),
    "one flipped byte": (lambda a, packed: a.send(packed[:50] + b"\0" + packed[51:]), r"file \(its MD5 differs\)"),
    "something after the gzip": (lambda a, packed: a.send(packed + b"\0"), "its MD5 differs"),
    "length is no number": (lambda a, packed: a.send(packed, length="many"), "invalid literal"),
    "redirect in a circle": (lambda a, _: a.redirect(a.path), "infinite loop"),
    "redirect to a file of this machine": (lambda a, _: a.redirect("file:///etc/hostname"), "not allowed"),
    "does not speak HTTP": (lambda a, _: a.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "SSH-2.0|BadStatusLine"),
}
BROKEN_OFF = {"cut at half", "reset at half", "never answers", "falls silent", "slow drip", "no end"}
SLOW = {"never answers", "falls silent", "slow drip"}


@pytest.mark.parametrize("fault", [pytest.param(f, marks=[pytest.mark.slow] if f in SLOW else []) for f in FAULTS])
def test_a_faulty_mirror_is_named_and_the_next_place_is_tried(
    fault: str, tiny_mirror: Path, play: Play, monkeypatch: Patch
) -> None:
    behave, reason = FAULTS[fault]
    faulty, good = play(behave), play()
    monkeypatch.setenv("MNIST_LR_MIRROR", faulty.address)
    monkeypatch.setattr(download, "MAXIMUM_BYTES", 2**22)
    publish(monkeypatch)
    with pytest.raises(download.DataError, match=reason) as caught:
        download.provide("mnist", patience=2.0)
    assert faulty.address in str(caught.value)
    assert "set MNIST_LR_MIRROR" in str(caught.value).splitlines()[-1]
    assert kept() == {}
    publish(monkeypatch, good.address)
    faulty.asked.clear()
    download.provide("mnist", patience=2.0)
    assert kept() == tiny_files() | UNPACKED
    assert sorted(good.asked) == sorted(f"/{name}" for name in NAMES)
    assert fault not in BROKEN_OFF or len(faulty.asked) == 1, "once for all four files"


@pytest.mark.parametrize(
    "address", ["http://[broken", "htp://mirror", "http://127.0.0.1:port", "/no/such/folder", "a b"]
)
def test_a_mirror_that_is_no_address_is_named(address: str, tiny_mirror: Path, monkeypatch: Patch) -> None:
    monkeypatch.setenv("MNIST_LR_MIRROR", address)
    with pytest.raises(download.DataError, match="set MNIST_LR_MIRROR to a folder or address"):
        download.provide("mnist")


def test_a_lookup_that_hangs_is_given_up(tiny_mirror: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(30))
    monkeypatch.setenv("MNIST_LR_MIRROR", "http://mirror.invalid")
    with pytest.raises(download.DataError, match=r"mirror.invalid\S*: no answer within"):
        download.provide("mnist", patience=0.2)


def test_all_places_together_are_waited_for_ten_seconds_at_most() -> None:
    files = download.CATALOGUE["mnist"].files()
    places = {"the mirror"} | {url.rsplit("/", 1)[0] for archive in files for url in archive.urls}
    assert len(places) * download.SECONDS_PER_PLACE_BEFORE_FALLBACK <= 10
    assert download.SECONDS_PER_PLACE <= 10


def test_a_good_mirror_is_asked_once_for_each_file_and_may_redirect(
    tiny_mirror: Path, play: Play, monkeypatch: Patch
) -> None:
    good = play()
    moved = play(lambda answer, _: answer.redirect(good.address + answer.path))
    monkeypatch.setenv("MNIST_LR_MIRROR", moved.address)
    assert is_right()
    assert good.asked == [f"/MNIST/raw/{name}" for name in NAMES]
    monkeypatch.delenv("MNIST_LR_MIRROR")
    assert is_right(), "what is at hand needs no mirror"
    monkeypatch.setenv("MNIST_LR_OFFLINE", "1")
    with pytest.raises(download.DataError, match="no place to try"):
        download.provide("mnist", root=tiny_mirror)


@pytest.mark.slow
def test_a_mirror_that_is_slow_but_steady_is_waited_for(tiny_mirror: Path, play: Play, monkeypatch: Patch) -> None:
    def steady(answer: Answer, packed: bytes) -> None:
        answer.send(b"", length=len(packed))
        for start in range(0, len(packed), 2**14):
            answer.wfile.write(packed[start : start + 2**14])
            time.sleep(0.25)

    monkeypatch.setenv("MNIST_LR_MIRROR", play(steady).address)
    download.provide("mnist", patience=1.5)  # the largest file alone takes longer
    assert is_right()


# What a mirror may look like, and where it and the data may lie.


@pytest.mark.parametrize("layout", ["{}", "{}.gz", "dotted"])
@pytest.mark.parametrize("folder", ["", "MNIST/raw/"])
def test_a_mirror_may_be_laid_out_otherwise(folder: str, layout: str, tmp_path: Path, tiny_mirror, monkeypatch) -> None:
    """Flat, or a copy of the data folder; files packed, unpacked, or unpacked by programs that write ``.idx3``."""
    for name, content in UNPACKED.items():
        spelt = name.replace("-idx", ".idx") if layout == "dotted" else layout.format(name)
        (tmp_path / "other" / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "other" / folder / spelt).write_bytes(tiny_files().get(spelt, content))
    monkeypatch.setenv("MNIST_LR_MIRROR", (tmp_path / "other").as_uri())
    if layout != "{}.gz":
        with pytest.raises(download.DataError, match="could not be had"):  # nothing to verify them by
            download.provide("mnist")
    publish(monkeypatch, known=True)
    download.provide("mnist")
    assert kept().items() >= UNPACKED.items()


def test_relative_places_start_at_the_project(tmp_path: Path, tiny_mirror: Path, monkeypatch: Patch) -> None:
    """The command line runs in the project's folder and a kernel in ``notebooks/``; both must find the same."""
    for name in ("MNIST_LR_MIRROR", "MNIST_LR_DATA"):
        monkeypatch.setenv(name, os.path.relpath(os.environ[name], download.PROJECT))
    for folder in (download.PROJECT, download.PROJECT / "notebooks", tmp_path):
        monkeypatch.chdir(folder)
        shutil.rmtree(tmp_path / "data", ignore_errors=True)  # so that the mirror is asked each time
        assert is_right()
        assert download.raw_folder("mnist").resolve() == tmp_path / "data" / "MNIST" / "raw"


# Files that are damaged on the disk.


DAMAGE = {
    "empty": lambda good: b"",
    "cut": lambda good: good[:-1],
    "longer": lambda good: good + b"\0",
    "a flipped bit": lambda good: good[:20] + bytes([good[20] ^ 1]) + good[21:],
    "two bytes swapped": lambda good: good[:16] + good[17:15:-1] + good[18:],
}


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_noticed_and_repaired(
    damage: Callable, known: bool, tiny_mirror: Path, monkeypatch: Patch
) -> None:
    """By its MD5 where the course knows it, else by length and checksum at the end of the archive."""
    publish(monkeypatch, known=known)
    assert is_right()
    for name in UNPACKED:
        file, archive = (download.raw_folder("mnist") / each for each in (name, f"{name}.gz"))
        file.write_bytes(damage(file.read_bytes()))
        assert is_right(), "from the archive at its side"
        for each in (file, archive):
            each.write_bytes(damage(each.read_bytes()))
        with monkeypatch.context() as nowhere:
            nowhere.delenv("MNIST_LR_MIRROR")
            with pytest.raises(download.DataError, match=f"{name}.gz of mnist is missing or damaged"):
                download.provide("mnist")
        assert is_right()


# Other processes, and ends without warning.


def forked(work: Callable[[], object]) -> int:
    """Fork a process that works; returns its number."""
    if not (child := os.fork()):
        os._exit(0 if work() in (None, True) else 1)
    return child


def status_of(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def eight_at_once(root: str) -> list[int]:
    download.CATALOGUE["mnist"] = published()
    read, write = os.pipe()

    def work() -> bool:
        os.close(write)
        os.read(read, 1)  # returns when the parent opens the gate for all
        return is_right(root)

    children = [forked(work) for _ in range(8)]
    os.close(write)
    return [status_of(child) for child in children]


@pytest.mark.slow
def test_eight_processes_share_one_download(tmp_path: Path, play: Play, monkeypatch: Patch) -> None:
    server = play()
    monkeypatch.setenv("MNIST_LR_MIRROR", server.address)
    assert in_child(eight_at_once, str(tmp_path)) == [0] * 8
    assert sorted(server.asked) == sorted(f"/MNIST/raw/{name}" for name in NAMES)


def killed_at_every_step(root: str) -> list[bool]:
    """Kill −9 a process at its first, second, … request, write, flush or move, until one gets through; then repair."""
    download.CATALOGUE["mnist"] = published()
    repaired = []
    for step in range(1, 100):

        def work(step: int = step) -> None:
            countdown = iter(range(step - 1, -1, -1))

            def watch(event: str, _: tuple) -> None:
                if event in ("urllib.Request", "tempfile.mkstemp", "fsync", "os.rename") and next(countdown) == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

            os.fsync = partial(watch, "fsync")  # instead of it: a kill does not lose what the system has in hand
            sys.addaudithook(watch)
            download.provide("mnist", root=f"{root}/{step}")

        if status_of(forked(work)) == 0:
            return repaired
        repaired.append(is_right(f"{root}/{step}") and not list(Path(root, str(step)).rglob("*.part")))
    return repaired


@pytest.mark.slow
def test_kill_at_any_step_of_filling_the_folder_is_repaired(tmp_path: Path, tiny_mirror: Path) -> None:
    assert (
        in_child(killed_at_every_step, str(tmp_path)) == [True] * 32
    )  # 8 addresses; 8 files are made, flushed and moved


def test_a_neighbour_that_never_ends_is_reported(tiny_mirror: Path, monkeypatch: Patch) -> None:
    folder = download.raw_folder("mnist")
    folder.mkdir(parents=True)
    monkeypatch.setattr(download, "SECONDS_FOR_OTHERS", 0.2)
    with download.FileLock(folder / ".lock"), pytest.raises(download.DataError, match="another program has been at it"):
        download.provide("mnist")
    assert is_right()


# The disk. Nothing is written but in the data folder.


def lose_root_rights() -> None:
    """Before a child starts: the right of root to write where nobody may (CAP_DAC_OVERRIDE and its like)."""
    if os.geteuid() == 0:
        for capability in (1, 2, 3):
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)


def outcome(root: str, largest_file: int) -> list:
    """In a child process: what stands in the way, and what is in the folder."""
    download.CATALOGUE["mnist"], problem = published(), ""
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, resource.RLIM_INFINITY))
    try:
        download.provide("mnist", root=root)
    except download.DataError as error:
        problem = str(error)
    return [problem, sorted(kept(root))]


@pytest.mark.slow
def test_a_read_only_folder_serves_if_complete_and_is_named_if_not(tmp_path: Path, tiny_mirror: Path) -> None:
    complete, empty = tmp_path / "complete", tmp_path / "empty"
    download.provide("mnist", root=complete)
    empty.mkdir()
    for place in (empty, complete, *complete.glob("**/")):
        place.chmod(0o555)
    outcomes = [in_child(outcome, str(root), -1, preexec_fn=lose_root_rights) for root in (complete, empty)]
    if outcomes[1][1]:
        pytest.skip("this user may write anywhere")
    assert outcomes[0] == ["", sorted(tiny_files() | UNPACKED)]
    assert "cannot be written (Permission denied)" in outcomes[1][0]
    assert outcomes[1][0].endswith("or name another data folder in MNIST_LR_DATA")


NO_LOCKS = [NotImplementedError(), *(OSError(number, "no") for number in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP))]


@pytest.mark.parametrize("answer", NO_LOCKS, ids=repr)
def test_a_file_system_without_locks_serves_with_a_warning(
    answer: Exception, tmp_path: Path, tiny_mirror: Path, monkeypatch: Patch
) -> None:
    def refuse(*_: object) -> None:
        raise answer

    monkeypatch.setattr(download.FileLock, "acquire", refuse)
    with pytest.warns(UserWarning, match="without locks: load data in one program at a time"):
        download.provide("mnist", root=tmp_path / "data")
    assert set(kept(tmp_path / "data")) == set(tiny_files() | UNPACKED)


@pytest.mark.slow
def test_a_full_disk_is_named_and_leaves_no_half_file(tmp_path: Path, tiny_mirror: Path) -> None:
    problem, left = in_child(outcome, str(tmp_path / "data"), 60_000)
    assert "cannot be written (File too large)" in problem
    assert left == []
    assert is_right()


@pytest.mark.parametrize("name", [".lock", NAMES[0], NAMES[0][:-3]])
def test_a_link_in_the_data_folder_does_not_lead_writing_elsewhere(
    name: str, tmp_path: Path, tiny_mirror: Path
) -> None:
    victim, folder = tmp_path / "victim", download.raw_folder("mnist")
    victim.write_text("precious")
    folder.mkdir(parents=True)
    (folder / name).symlink_to(victim)
    if name == ".lock":
        with pytest.raises(download.DataError, match="cannot be written"):
            download.provide("mnist")
    else:
        assert is_right()
    with pytest.raises(download.DataError, match="cannot be written"):
        download.provide("mnist", root=victim)
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("link", ["MNIST", "MNIST/raw"])
def test_a_linked_folder_is_not_written_to_but_read(link: str, tmp_path: Path, tiny_mirror: Path) -> None:
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "data" / link
    elsewhere.mkdir()
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    with pytest.raises(download.DataError, match="is a link to elsewhere, where nothing is written"):
        download.provide("mnist")
    assert list(elsewhere.iterdir()) == []
    download.provide("mnist", root=tmp_path / "whole")
    link.unlink()
    link.symlink_to(tmp_path / "whole" / link.relative_to(tmp_path / "data"))
    assert is_right()
