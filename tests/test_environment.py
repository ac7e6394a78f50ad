"""The lock, and what is made of it: conda's environment, and an installation without GPU libraries."""

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import quote

from mnist_lr_helpers.course import environment
from mnist_lr_helpers.course.usage import UsageError
from mnist_lr_helpers.files import PROJECT

import pytest
from conftest import Answer, Server


def wheel(folder: Path, name: str, version: str) -> str:
    """Write a wheel with nothing in it but its own version, and return its hash."""
    info = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}.py", f"__version__ = {version!r}\n")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in ("torch", "torchvision"):
        wheel(folder, name, "9.1.0+cpu")
    return folder


def answer_as_index(wheels: Path, answer: Answer, _: bytes) -> None:
    """Be a package index with the wheels of a folder, as PyTorch's own is."""
    name = answer.path.strip("/")
    found = next(wheels.glob(f"{name}-[0-9]*"))
    checksum = hashlib.sha256(found.read_bytes()).hexdigest()
    link = f'<a href="{quote(found.name)}#sha256={checksum}">{found.name}</a>'
    answer.send(f"<!DOCTYPE html><html><body>{link}</body></html>".encode(), kind="text/html")


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small lock, as uv writes one, in the place of the course's."""
    path = tmp_path / "requirements.lock"
    parts = [
        f"numpy==2.0 \\\n    --hash=sha256:{'1' * 64}",
        f"nvidia-cublas==13.4 ; sys_platform == 'linux' \\\n    --hash=sha256:{'2' * 64}",
        f"cuda-toolkit[cublas,cudart]==13.2 ; sys_platform == 'linux' \\\n    --hash=sha256:{'2' * 64}",
        f"torch==9.1.0 \\\n    --hash=sha256:{'3' * 64} \\\n    --hash=sha256:{'4' * 64}",
        f"torchvision==9.1.0 \\\n    --hash=sha256:{'5' * 64}",
        f"triton==3.9 ; sys_platform == 'linux' \\\n    --hash=sha256:{'6' * 64}",
    ]
    path.write_text("\n".join([*parts, ""]), encoding="utf-8")
    monkeypatch.setattr(environment, "LOCK", path)
    return path


def test_environment_yml_has_the_versions_of_the_lock_file() -> None:
    lock = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    assert (PROJECT / "environment.yml").read_text(encoding="utf-8") == environment.environment(lock)


def test_conda_brings_pytorch_and_pip_neither_it_nor_gpu_libraries(lock: Path) -> None:
    text = environment.environment(lock.read_text(encoding="utf-8"))
    conda, pip = text.split("- pip:")
    assert "- pytorch-cpu\n" in conda
    assert "- torchvision\n" in conda
    assert [line.strip() for line in pip.splitlines() if "==" in line] == ["- 'numpy==2.0'"]
    assert "OMP_WAIT_POLICY: PASSIVE" in pip


def test_the_course_s_lock_without_gpu_libraries_keeps_all_else() -> None:
    requirements = environment.locked((PROJECT / "requirements.lock").read_text(encoding="utf-8"))
    kept = environment.without_gpu(requirements)
    dropped = {one.partition("==")[0].partition("[")[0] for one in set(requirements) - set(kept)}
    assert {"triton", "nvidia-nccl-cu13", "cuda-toolkit"} <= dropped
    assert all(name == "triton" or name.startswith(("nvidia-", "cuda-")) for name in dropped)
    assert {"torch", "torchvision", "numpy"} <= {one.partition("==")[0] for one in kept}


def test_a_lock_that_knows_no_cpu_builds_says_what_to_do(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(UsageError, match="make lock"):
        environment.cpu_lock(lock.read_text(encoding="utf-8"))
    monkeypatch.setattr(sys, "platform", "darwin")  # there the plain builds have no GPU libraries
    assert "torch==9.1.0" in environment.cpu_lock(lock.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_hashes_of_cpu_builds_come_into_the_lock_and_pip_takes_those_alone(
    lock: Path, wheels: Path, tmp_path: Path, play: Callable[..., Server]
) -> None:
    before = lock.read_text(encoding="utf-8")
    environment.add_cpu_builds(play(partial(answer_as_index, wheels)).address)
    after = lock.read_text(encoding="utf-8")
    for path in wheels.iterdir():
        assert f"--hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" in after
    assert {*environment.HASH.findall(before)} < {*environment.HASH.findall(after)}
    torches = [one for one in environment.locked(environment.cpu_lock(after)) if environment.TORCH.match(one)]
    assert len(torches) == 2
    wanted = tmp_path / "cpu.lock"
    wanted.write_text("\n".join(torches), encoding="utf-8")
    install = [sys.executable, "-m", "pip", "install", "--require-hashes", "--no-index", f"--find-links={wheels}"]
    install += ["--quiet", "--disable-pip-version-check", f"--target={tmp_path / 'installed'}", "-r", str(wanted)]
    subprocess.run(install, check=True)
    assert "9.1.0+cpu" in (tmp_path / "installed" / "torch.py").read_text(encoding="utf-8")
    with zipfile.ZipFile(next(wheels.glob("torch-*")), "a") as file:
        file.writestr("torch_extra.py", "")  # someone else's build of the same name
    refused = subprocess.run([*install, "--upgrade"], capture_output=True, text=True, check=False)
    assert refused.returncode
    assert "HASHES" in refused.stderr


def test_without_a_way_to_the_cpu_builds_the_lock_stays(
    lock: Path, play: Callable[..., Server], capsys: pytest.CaptureFixture[str]
) -> None:
    before = lock.read_bytes()
    environment.add_cpu_builds(play(lambda answer, _: answer.send_error(404)).address)
    assert lock.read_bytes() == before
    assert "no hashes of CPU builds" in capsys.readouterr().err


def test_the_lock_for_cpus_is_written_by_a_python_that_has_nothing_installed(tmp_path: Path) -> None:
    """``make run CPU=1`` asks for it before there is an environment."""
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from mnist_lr_helpers.course.command import main; main()"
    command = [sys.executable, "-I", "-S", "-c", code, str(PROJECT), "environment", "--cpu", str(tmp_path / "cpu.lock")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (tmp_path / "cpu.lock").exists() or "no hashes of PyTorch's CPU builds" in done.stderr, done.stderr
