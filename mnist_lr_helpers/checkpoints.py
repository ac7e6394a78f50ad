"""A file that keeps a training after each epoch, so that it can go on after a crash, a restart or a change of mind."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from glob import escape
from pathlib import Path

from mnist_lr_helpers.exceptions import CheckpointError
from mnist_lr_helpers.files import write_atomically
from mnist_lr_helpers.training import TrainingState

import torch
from torch import Tensor

FORMAT = 2
MAY_CHANGE = ("epochs", "patience", "progress")  # more epochs or patience is a continuation, not another run


def checkpoint(path: Path | str) -> Callable[[TrainingState], None]:
    """An ``after_epoch`` for ``fit`` that keeps the training in a file, and goes on from the file if it exists.

    A training that was broken off and goes on ends with the very weights of an uninterrupted one.

    Raises:
        CheckpointError: when ``fit`` starts, if the file belongs to another run or is damaged.
        FileError: the file cannot be written.
    """
    path, identity = Path(path), {}

    def keep(state: TrainingState) -> None:
        if state.epoch:
            _save(path, state, identity)
            return
        identity.update(_identity(state))
        if path.exists():
            _go_on(path, state, identity)

    return keep


def _identity(state: TrainingState) -> dict[str, str]:
    """What makes a run this run and no other, in words."""
    settings = {name: str(value) for name, value in vars(state.config).items() if name not in MAY_CHANGE}
    if state.config.augment is not None:  # a function is known by what it does
        changed = state.config.augment(state.train.images[:8], generator=torch.Generator().manual_seed(0))
        settings["augment"] = _digest({"images": changed})
    shapes = {name: list(tensor.shape) for name, tensor in state.model.state_dict().items()}
    return {
        "format": str(FORMAT),
        "torch version": str(torch.__version__),
        "model": f"{type(state.model).__name__} {shapes}",
        **settings,
        "starting weights": _digest(state.model.state_dict()),
        "random numbers": _digest({name: one.get_state() for name, one in state.generators.items()}),
        "training images": _digest(vars(state.train)),
        "validation images": _digest(vars(state.validation)),
    }


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """A short name for the values of some tensors."""
    digest = hashlib.sha256()
    for name, tensor in tensors.items():
        digest.update(f"{name} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy())
    return digest.hexdigest()[:12]


def _save(path: Path, state: TrainingState, identity: Mapping[str, str]) -> None:
    buffer = io.BytesIO()
    saved = {
        "identity": dict(identity),
        "model": state.model.state_dict(),
        "best_weights": state.best_weights,
        "optimizer": state.optimizer.state_dict(),
        "scheduler": state.scheduler.state_dict(),
        "generators": {name: generator.get_state() for name, generator in state.generators.items()},
        "history": state.history.rows,
    }
    torch.save(saved, buffer)
    write_atomically(path, buffer.getvalue())


def _go_on(path: Path, state: TrainingState, identity: Mapping[str, str]) -> None:
    """Bring a training that has not begun to where the file left off."""
    remedy = "delete the file to start afresh, or name another one"
    for leftover in path.parent.glob(f".{escape(path.name)}.*.part"):  # of a run that was killed while it wrote
        leftover.unlink()
    try:
        with zipfile.ZipFile(path) as archive:  # torch.load does not look at the checksums
            if damaged := archive.testzip():
                raise ValueError(damaged)
        saved = torch.load(path, weights_only=True)
        theirs, rows = dict(saved["identity"]), list(saved["history"])
    except Exception as error:  # torch raises many kinds for a damaged or hostile file
        raise CheckpointError(
            f"{path} is no checkpoint of this course or is damaged ({type(error).__name__}); {remedy}"
        ) from error
    for name, value in identity.items():
        if theirs.get(name) != value:
            raise CheckpointError(f"{path} was written with {name} {theirs.get(name)}, this run has {value}; {remedy}")
    if len(rows) > state.config.epochs:
        raise CheckpointError(
            f"{path} already holds {len(rows)} epochs, this run asks for {state.config.epochs}; {remedy}"
        )
    state.model.load_state_dict(saved["model"])
    state.optimizer.load_state_dict(saved["optimizer"])
    state.scheduler.load_state_dict(saved["scheduler"])
    for name, generator in state.generators.items():
        generator.set_state(saved["generators"][name])
    state.best_weights = saved["best_weights"]
    state.history.rows.extend(rows)
