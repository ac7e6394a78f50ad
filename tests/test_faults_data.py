"""Whatever the mirror, the disk or the neighbours do: the right images, or an error that says what to do."""

import ctypes
import gzip
import os
import random
import re
import resource
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from conftest import Answer, Server, archives_of, idx_bytes, in_child, seeded, tiny_files

from mnist_lr_helpers import data

NAMES = tuple(tiny_files())
Play = Callable[..., Server]


def unpacked(root: Path | str | None = None) -> dict[str, bytes]:
    """What lies in the data folder, apart from the lock."""
    folder = data.raw_folder("mnist", root=root)
    return {file.name: file.read_bytes() for file in folder.glob("*") if file.name != ".lock"}


def is_right(root: Path | str | None = None) -> bool:
    """Load, and compare every byte in the data folder with what was published."""
    loaded = data.load_data("mnist", root=root)
    sizes = [len(loaded.train), len(loaded.validation), len(loaded.test)]
    published = tiny_files() | {name[:-3]: gzip.decompress(packed) for name, packed in tiny_files().items()}
    kept = unpacked(root)
    return sizes == [180, 20, 50] and kept.items() <= published.items() and len(kept) == 8 and loaded.note == ""


def use_tiny_mnist(*places: str) -> None:
    """In a child process: the made-up MNIST, published at these places."""
    torch.set_num_threads(1)
    data._archives = lambda name: archives_of(tiny_files(), *places)
    data.UNPACKED_MD5 = {}


# What a mirror may do wrong: how it behaves, and what the error must say of it.


def cut(answer: Answer, packed: bytes) -> None:
    answer.send(packed[: len(packed) // 2], length=len(packed))


def reset(answer: Answer, packed: bytes) -> None:
    cut(answer, packed)
    answer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def never(answer: Answer, packed: bytes) -> None:
    answer.server.stopped.wait()


def fall_silent(answer: Answer, packed: bytes) -> None:
    answer.send(packed[:100], length=len(packed))
    answer.server.stopped.wait()


def drip(answer: Answer, packed: bytes) -> None:
    answer.send(b"", length=len(packed))
    for position in range(len(packed)):
        answer.wfile.write(packed[position : position + 1])
        if answer.server.stopped.wait(0.05):
            break


def endless(answer: Answer, packed: bytes) -> None:
    answer.send_response(200)
    answer.end_headers()
    while not answer.server.stopped.is_set():
        answer.wfile.write(bytes(2**20))


def flip(answer: Answer, packed: bytes) -> None:
    answer.send(packed[:50] + bytes([packed[50] ^ 1]) + packed[51:])


def redirect(where: Callable[[Answer], str]) -> Callable[[Answer, bytes], None]:
    def behave(answer: Answer, packed: bytes) -> None:
        answer.send_response(302)
        answer.send_header("Location", where(answer))
        answer.end_headers()

    return behave


FAULTS = {
    "a log-in page": (lambda a, _: a.send(b"\n<!DOCTYPE html>Log in first", kind="text/html"), "sent an HTML page"),
    "403": (lambda a, _: a.send_error(403), "answered 403 Forbidden"),
    "404": (lambda a, _: a.send_error(404), "answered 404 Not Found"),
    "503": (lambda a, _: a.send_error(503), "answered 503 Service Unavailable"),
    "an empty answer": (lambda a, _: a.send(b""), "sent 0 bytes"),
    "cut at half": (cut, r"the connection broke after [\d,]+ of [\d,]+ bytes"),
    "reset at half": (reset, "Connection reset|the connection broke"),
    "never answers": (never, "no answer within"),
    "falls silent": (fall_silent, "only 100 bytes within"),
    "slow drip": (drip, r"only \d+ bytes within"),
    "no end": (endless, "more than 4,194,304 bytes"),
    "one flipped byte": (flip, r"not the published file \(its MD5 differs\)"),
    "gzip ends early": (lambda a, packed: a.send(packed[:-9]), "its MD5 differs"),
    "something after the gzip": (lambda a, packed: a.send(packed + b"\0"), "its MD5 differs"),
    "length is no number": (lambda a, packed: a.send(packed, length="many"), "invalid literal"),
    "redirect in a circle": (redirect(lambda a: a.path), "infinite loop"),
    "redirect to a file of this machine": (redirect(lambda a: "file:///etc/hostname"), "not allowed"),
    "does not speak HTTP": (lambda a, _: a.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "SSH-2.0|BadStatusLine"),
}


@pytest.mark.parametrize(("behave", "reason"), FAULTS.values(), ids=FAULTS)
def test_a_faulty_mirror_is_named_and_the_next_place_is_tried(
    behave: Callable, reason: str, tiny_mirror: Path, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty, good = play(behave), play()
    monkeypatch.setenv("MNIST_LR_MIRROR", faulty.address)
    monkeypatch.setattr(data, "SECONDS_PER_PLACE", 3.0)
    monkeypatch.setattr(data, "MAXIMUM_BYTES", 2**22)
    monkeypatch.setattr(data, "_archives", lambda name: archives_of(tiny_files()))
    with pytest.raises(data.DataError, match=reason) as caught:
        data.load_data("mnist")
    assert faulty.address in str(caught.value)
    assert "set MNIST_LR_MIRROR" in str(caught.value)
    assert unpacked() == {}
    monkeypatch.setattr(data, "_archives", lambda name: archives_of(tiny_files(), good.address))
    assert is_right()
    assert sorted(good.asked) == sorted(f"/{name}" for name in NAMES)


@pytest.mark.parametrize(
    "address", ["http://[broken", "htp://mirror", "http://127.0.0.1:port", "/no/such/folder", "a b"]
)
def test_a_mirror_that_is_no_address_is_named(address: str, tiny_mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_LR_MIRROR", address)
    with pytest.raises(data.DataError, match="set MNIST_LR_MIRROR to a folder or address"):
        data.load_data("mnist")


def test_a_good_mirror_is_asked_once_for_each_file_and_may_redirect(
    tiny_mirror: Path, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = play()
    moved = play(redirect(lambda answer: good.address + answer.path))
    monkeypatch.setenv("MNIST_LR_MIRROR", moved.address)
    assert is_right()
    assert good.asked == [f"/MNIST/raw/{name}" for name in NAMES]


@pytest.mark.slow
def test_a_mirror_that_hangs_is_waited_for_once(tiny_mirror: Path, play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the waiting times as they are, for all four files together."""
    hanging, good = play(never), play()
    monkeypatch.setenv("MNIST_LR_MIRROR", hanging.address)
    monkeypatch.setattr(data, "_archives", lambda name: archives_of(tiny_files(), good.address))
    assert is_right()
    assert len(hanging.asked) == 1


def test_three_places_that_hang_leave_auto_its_ten_seconds(
    tiny_mirror: Path, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = [play(behave) for behave in (fall_silent, drip, never)]
    places = [server.address for server in servers]
    monkeypatch.setenv("MNIST_LR_MIRROR", places[0])
    monkeypatch.setattr(data, "_archives", lambda name: archives_of(tiny_files(), *places[1:]))
    with pytest.warns(UserWarning, match="scikit-learn") as warned:
        assert data.resolve("auto")[0] == "digits"
    waited = [int(seconds) for seconds in re.findall(r" within (\d+) s", str(warned[0].message))]
    assert len(waited) == 3
    assert sum(waited) <= 10
    assert [len(server.asked) for server in servers] == [1, 1, 1]


def test_a_mirror_that_is_slow_but_steady_is_waited_for(
    tiny_mirror: Path, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    def steady(answer: Answer, packed: bytes) -> None:
        answer.send(b"", length=len(packed))
        for start in range(0, len(packed), 2**14):
            answer.wfile.write(packed[start : start + 2**14])
            time.sleep(0.25)

    monkeypatch.setattr(data, "SECONDS_PER_PLACE", 1.5)  # the largest file alone takes longer
    monkeypatch.setenv("MNIST_LR_MIRROR", play(steady).address)
    assert is_right()


# Files that say what they should not, with checksums that agree.

WRONG = {
    "wrong magic": ("train-images", lambda b: b"\0\0\x09" + b[3:]),
    "four dimensions": ("train-images", lambda b: b"\0\0\x08\x04" + b[4:]),
    "more images than there are": ("train-images", lambda b: b[:4] + struct.pack(">I", 201) + b[8:]),
    "fewer images than there are": ("train-images", lambda b: b[:4] + struct.pack(">I", 199) + b[8:]),
    "other sides": ("train-images", lambda b: b[:8] + struct.pack(">2I", 14, 56) + b[16:]),
    "numbers that overflow": ("train-images", lambda b: b[:4] + struct.pack(">3I", 2**31, 2**31, 4) + b[16:]),
    "fewer labels than images": ("train-labels", lambda b: b[:4] + struct.pack(">I", 150) + b[8:158]),
    "a label of 10": ("t10k-labels", lambda b: b[:-1] + b"\x0a"),
    "signed pixels": ("t10k-images", lambda b: b"\0\0\x09\x03" + b[4:]),
    "no images": ("t10k-images", lambda b: b[:4] + bytes(4) + b[8:16]),
    "nothing": ("t10k-labels", lambda b: b""),
    "images for labels": ("t10k-labels", lambda b: idx_bytes(torch.zeros(50, 1, dtype=torch.uint8))),
}


@pytest.mark.parametrize(("part", "change"), WRONG.values(), ids=WRONG)
def test_nonsense_in_a_published_file_is_an_error(
    part: str, change: Callable[[bytes], bytes], tiny_mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        name: gzip.compress(change(gzip.decompress(packed)), mtime=0) if part in name else packed
        for name, packed in tiny_files().items()
    }
    for name, packed in files.items():
        (tiny_mirror / name).write_bytes(packed)
    monkeypatch.setattr(data, "_archives", lambda name: archives_of(files))
    with pytest.raises(data.DataError, match=r"is not a complete IDX file|do not belong together"):
        data.load_data("mnist")


@pytest.mark.parametrize("part", ["images-idx3", "labels-idx1"])
def test_a_damaged_file_with_no_mirror_is_reported(
    part: str, tiny_mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.load_data("mnist")
    folder = data.raw_folder("mnist")
    (folder / f"train-{part}-ubyte.gz").unlink()
    with (folder / f"train-{part}-ubyte").open("r+b") as file:
        file.truncate(99)
    monkeypatch.delenv("MNIST_LR_MIRROR")
    with pytest.raises(data.DataError, match=f"train-{part}-ubyte.gz of mnist is missing or damaged"):
        data.load_data("mnist")


# Other processes, and ends without warning.


def eight_at_once(root: str) -> list[bool]:
    use_tiny_mnist()
    read, write = os.pipe()
    children = []
    for _ in range(8):
        if not (child := os.fork()):
            os.close(write)
            os.read(read, 1)  # returns when the parent opens the gate for all
            os._exit(0 if is_right(root) else 1)
        children.append(child)
    os.close(write)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0 for child in children]


@pytest.mark.slow
def test_eight_processes_share_one_download(tmp_path: Path, play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    server = play()
    monkeypatch.setenv("MNIST_LR_MIRROR", server.address)
    assert in_child(eight_at_once, str(tmp_path)) == [True] * 8
    assert sorted(server.asked) == sorted(f"/MNIST/raw/{name}" for name in NAMES)


def killed_at_every_step(root: str) -> list[int]:
    """Kill −9 a process at its first, second, … write, flush or move, until one gets through; repair each time."""
    use_tiny_mnist()
    repaired = []
    for step in range(1, 100):
        if not (child := os.fork()):
            countdown = iter(range(step - 1, -1, -1))

            def watch(event: str, _: tuple, countdown=countdown) -> None:
                if event in ("tempfile.mkstemp", "fsync", "os.rename") and next(countdown) == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

            os.fsync = partial(watch, "fsync")  # instead of it: a kill does not lose what the system has in hand
            sys.addaudithook(watch)
            data.load_data("mnist", root=f"{root}/{step}")
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            return repaired
        repaired.append(is_right(f"{root}/{step}") and not list(Path(root, str(step)).rglob("*.part")))
    return repaired


@pytest.mark.slow
def test_kill_at_any_step_of_filling_the_folder_is_repaired(tmp_path: Path, tiny_mirror: Path) -> None:
    assert in_child(killed_at_every_step, str(tmp_path)) == [True] * 24  # 8 files are made, flushed and moved


def killed_while_it_reads(root: str) -> list[int]:
    """Load from a mirror that kills the process whose number stands in the address."""
    use_tiny_mnist()
    mirror = os.environ["MNIST_LR_MIRROR"]
    if not (child := os.fork()):
        os.environ["MNIST_LR_MIRROR"] = f"{mirror}/{os.getpid()}"
        data.load_data("mnist", root=root)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    left = sorted(unpacked(root))
    os.environ["MNIST_LR_MIRROR"] = f"{mirror}/0"
    return [status, left, is_right(root)]


@pytest.mark.slow
def test_kill_in_the_middle_of_a_download_is_repaired(
    tmp_path: Path, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    def behave(answer: Answer, packed: bytes) -> None:
        process = int(answer.path.split("/")[1])
        if process and "t10k-images" in answer.path:
            cut(answer, packed)
            os.kill(process, signal.SIGKILL)
        else:
            answer.send(packed)

    monkeypatch.setenv("MNIST_LR_MIRROR", play(behave).address)
    status, left, right = in_child(killed_while_it_reads, str(tmp_path))
    assert status == -signal.SIGKILL
    assert left == sorted(name for archive in NAMES[:2] for name in (archive, archive[:-3]))
    assert right


def test_a_neighbour_that_never_ends_is_reported(tiny_mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = data.raw_folder("mnist")
    folder.mkdir(parents=True)
    monkeypatch.setattr(data, "SECONDS_FOR_OTHERS", 0.2)
    with data.FileLock(folder / ".lock"), pytest.raises(data.DataError, match="another program has been at it"):
        data.load_data("mnist")
    assert is_right()


# The disk.


def lose_root_rights() -> None:
    """Before a child starts: the right of root to write where nobody may (CAP_DAC_OVERRIDE and its like)."""
    if os.geteuid() == 0:
        for capability in (1, 2, 3):
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)


def load_read_only(complete: str, empty: str) -> list:
    use_tiny_mnist()
    if os.access(complete, os.W_OK):
        return ["writable", ""]
    answers = [is_right(complete)]
    try:
        data.load_data("mnist", root=empty)
    except data.DataError as error:
        answers.append(str(error))
    return answers


def test_a_read_only_folder_serves_if_complete_and_is_named_if_not(tmp_path: Path, tiny_mirror: Path) -> None:
    folders = [tmp_path / "complete", tmp_path / "empty"]
    data.load_data("mnist", root=folders[0])
    folders[1].mkdir()
    places = [path for path in (*tmp_path.glob("complete/**"), folders[1]) if path.is_dir()]
    for place in places:
        place.chmod(0o555)
    try:
        served, message = in_child(load_read_only, *map(str, folders), preexec_fn=lose_root_rights)
    finally:
        for place in places:
            place.chmod(0o755)
    if served == "writable":
        pytest.skip("this user may write anywhere")
    assert served is True
    assert "cannot be written (Permission denied). Make it writable, or name another data folder" in message


def load_with_a_full_disk(root: str) -> list:
    use_tiny_mnist()
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
    try:
        data.load_data("mnist", root=root)
    except data.DataError as error:
        message, left = str(error), sorted(unpacked(root))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return [message, left, is_right(root)]


def test_a_full_disk_is_named_and_leaves_no_half_file(tmp_path: Path, tiny_mirror: Path) -> None:
    message, left, right = in_child(load_with_a_full_disk, str(tmp_path / "data"))
    assert "cannot write" in message
    assert "File too large. Free some space" in message
    assert left == []
    assert right


# Nothing is written but in the data folder.


@pytest.mark.parametrize("name", [".lock", NAMES[0], NAMES[0][:-3]])
def test_a_link_in_the_data_folder_does_not_lead_writing_elsewhere(
    name: str, tmp_path: Path, tiny_mirror: Path
) -> None:
    victim, folder = tmp_path / "victim", data.raw_folder("mnist")
    victim.write_text("precious")
    folder.mkdir(parents=True)
    (folder / name).symlink_to(victim)
    if name == ".lock":
        with pytest.raises(data.DataError, match="cannot be written"):
            data.load_data("mnist")
    else:
        assert is_right()
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("link", ["MNIST", "MNIST/raw"])
def test_a_linked_folder_is_not_written_to_but_read(link: str, tmp_path: Path, tiny_mirror: Path) -> None:
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "data" / link
    elsewhere.mkdir()
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    with pytest.raises(data.DataError, match="is a link to elsewhere, where nothing is written"):
        data.load_data("mnist")
    assert list(elsewhere.iterdir()) == []
    data.load_data("mnist", root=tmp_path / "whole")
    link.unlink()
    link.symlink_to(tmp_path / "whole" / link.relative_to(tmp_path / "data"))
    assert is_right()


def test_a_path_in_an_archive_is_not_followed(tmp_path: Path, tiny_mirror: Path, monkeypatch) -> None:
    """A gzip file may carry a name; this one would lead out of the data folder."""
    files = dict(tiny_files())
    packed = files[NAMES[0]]
    files[NAMES[0]] = packed[:3] + b"\x08" + packed[4:10] + b"../../../evil\0" + packed[10:]
    (tiny_mirror / NAMES[0]).write_bytes(files[NAMES[0]])
    monkeypatch.setattr(data, "_archives", lambda name: archives_of(files))
    assert len(data.load_data("mnist").test) == 50
    assert not list(tmp_path.rglob("evil"))


# A great many broken files.


def reference(content: bytes) -> torch.Tensor | None:
    """What an IDX file says, by its definition; None if it says nothing that the course uses."""
    kinds = {8: (1, torch.uint8), 12: (4, torch.int32)}
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in kinds or not 1 <= content[3] <= 3:
        return None
    size, kind = kinds[content[2]]
    start = 4 + 4 * content[3]
    if len(content) <= start:
        return None
    shape, n = struct.unpack(f">{content[3]}I", content[4:start]), 1
    for length in shape:
        n *= length
    if n == 0 or n * size != len(content) - start:
        return None
    body = bytearray(content[start:])
    if size == 4:
        body = bytearray(b"".join(body[i : i + 4][::-1] for i in range(0, len(body), 4)))
    return torch.frombuffer(body, dtype=kind).view(shape)


def mutate(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        where = chance.randrange(min(len(changed), chance.choice([16, 16, 10_000])) or 1) if changed else 0
        kind = chance.randrange(6)
        if kind == 0 and changed:
            changed[where] ^= 1 << chance.randrange(8)
        elif kind == 1 and changed:
            changed[where] = chance.choice([0, 1, 3, 8, 9, 11, 12, 13, 14, 127, 255])
        elif kind == 2:
            del changed[chance.randrange(len(changed) + 1) :]
        elif kind == 3:
            changed[where:where] = chance.randbytes(chance.choice([1, 4, 28]))
        elif kind == 4:
            start = 4 * chance.randrange(1, 4)
            changed[start : start + 4] = struct.pack(">I", chance.choice([0, 1, 7, 2**16, 2**31, 2**32 - 1]))
        else:
            del changed[where : where + chance.choice([1, 4, 28])]
    return bytes(changed)


@pytest.mark.slow
def test_ten_thousand_broken_idx_files_give_an_error_or_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, file = random.Random(0), tmp_path / "fuzzed-ubyte"
    originals = [
        idx_bytes(torch.randint(0, 256, (6, 5, 4), generator=seeded(1), dtype=torch.uint8)),
        idx_bytes(torch.randint(0, 10, (30,), generator=seeded(2), dtype=torch.uint8)),
        b"\0\0\x0c\x02" + struct.pack(">2I", 5, 8) + chance.randbytes(160),
    ]
    refused = 0
    for round_ in range(12_000):
        content = mutate(originals[round_ % 3], chance)
        file.write_bytes(content)
        expected = reference(content)
        try:
            found = data.read_idx(file)
        except data.DataError:
            assert expected is None, content
            refused += 1
        else:
            assert expected is not None, content
            assert found.dtype == expected.dtype
            assert torch.equal(found, expected)
    assert 6_000 < refused < 11_500, "most are broken, and some are other, whole files"
