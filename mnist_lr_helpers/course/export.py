"""A model to take home: an ONNX file, which runs without PyTorch, and a card that says what it can and cannot do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mnist_lr_helpers import evaluation, models, optimum, training, warps
from mnist_lr_helpers.course.usage import UsageError
from mnist_lr_helpers.data import Dataset, Split, load_data, seeded
from mnist_lr_helpers.exceptions import DataError
from mnist_lr_helpers.files import write_atomically
from mnist_lr_helpers.handwriting import Drawings, load_drawings

import torch
from tabulate import tabulate

MODELS = ("linear", "network")
STRENGTH = 1  # the second of the five at which ``warps.perturbations`` spoils images
NEAR = 1e-3  # logits of both programs may differ by this
CARD = """\
# Model card

{name}, {parameters:,} parameters. Made by the course "Logistic regression on MNIST, measured" with
`python -m mnist_lr_helpers export{options}`, PyTorch {version}.

**It is for** learning, and for reading single handwritten digits that are prepared as below. **It is not for** anything
that matters to a person: it names a digit whatever it sees, a letter or a scribble too, and often with high confidence.

## Input and output

`ink`: float32 `[n, 1, 28, 28]`, 0 for paper and 1 for full ink. `logits`: float32 `[n, 10]`; softmax makes them
probabilities. `{file}` answers as PyTorch does: the largest difference of a logit was {difference:.1e}.

**Preparation.** A preparation is part of the model: without it, accuracy falls (see the changes below). Tell ink from
paper; cut out the ink; scale it into 20 × 20 pixels, proportions kept, by averaging over areas; move it by whole pixels
so that its centre of mass comes next to row 14 and column 14, counted from 0, of 28 × 28.
`mnist_lr_helpers.handwriting.prepare` does so.

## Data

{data}. Trained on the training images alone; the test images were used for this card alone.

## Accuracy

Test: {accuracy:.2%} (95 % interval, Wilson), {n:,} images.

## Calibration

Mean confidence on the test images {confidence:.2%}; expected calibration error in 15 bins {error:.2%}.

## Where it fails: by change

The test images, spoilt after the preparation.

{changes}

## Where it fails: by writer

{writers}
"""


@dataclass(frozen=True)
class Order:
    """What is to be exported: one of ``MODELS``, its data, and a place with own drawings to judge it by."""

    model: str = "linear"
    dataset: str = "auto"
    drawings: str | None = None

    @property
    def options(self) -> str:
        """As given on the command line, without the place, which is nobody's business."""
        own = " --drawings …" if self.drawings else ""
        return f" --model {self.model} --dataset {self.dataset.partition(':')[0]}{own}"


def export(order: Order, folder: Path) -> list[Path]:
    """Train a model, write ``model.onnx`` and ``MODEL_CARD.md`` into a folder, and return the two.

    Raises:
        UsageError: ONNX is not installed, or data or drawings cannot be had.
        FileError: the files cannot be written.
    """
    try:
        dataset = load_data(order.dataset, scaling="unit")
        drawings = load_drawings(order.drawings) if order.drawings else None
        model = train(order.model, dataset)
        program = as_onnx(model)
        difference = largest_difference(program, model, dataset.test.images[:500])
    except (DataError, ValueError) as error:
        raise UsageError(str(error)) from error
    except ImportError as error:
        raise UsageError(f"{error}; install what it needs: pip install onnx onnxruntime onnxscript") from error
    files = [folder / "model.onnx", folder / "MODEL_CARD.md"]
    write_atomically(files[0], program)
    about = {"file": files[0].name, "difference": difference, "options": order.options}
    write_atomically(files[1], card(model, dataset, drawings, about).encode())
    return files


def train(name: str, dataset: Dataset) -> models.Classifier:
    """The model of that name, trained on pixels in [0, 1]: the optimum of notebook 07, or a small network as in 13."""
    if name == "linear":
        return optimum.convex_optimum(dataset.train, l2=1e-4, tolerance=0.01).model  # as 1e-3 on standardised pixels
    network = models.ConvolutionalNetwork(generator=seeded(0))
    decay = {"decay_every": 1, "decay_factor": training.decay_per_epoch(0.05, 4)}
    config = training.TrainingConfig(epochs=4, optimizer="adam", learning_rate=3e-3, **decay)
    training.fit(network, dataset.train, dataset.validation, config, generator=seeded(1))
    return network


def as_onnx(model: models.Classifier) -> bytes:
    """The model as an ONNX file, for any number of images at a time."""
    example, many = torch.zeros(2, 1, 28, 28), {0: torch.export.Dim("n")}
    names = {"input_names": ["ink"], "output_names": ["logits"]}
    shapes = {"dynamic_shapes": (many,), "external_data": False}
    program = torch.onnx.export(model.eval(), (example,), dynamo=True, verbose=False, **names, **shapes)
    return program.model_proto.SerializeToString()


def largest_difference(program: bytes, model: models.Classifier, images: torch.Tensor) -> float:
    """By how much the logits of ONNX Runtime and PyTorch differ at most.

    Raises:
        ValueError: by so much that the export is wrong.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(program, providers=["CPUExecutionProvider"])
    (theirs,) = session.run(["logits"], {"ink": images.numpy()})
    with torch.inference_mode():
        difference = (model(images) - torch.from_numpy(theirs)).abs().max().item()
    if not difference < NEAR:
        raise ValueError(f"ONNX Runtime's logits differ from PyTorch's by {difference:.1e}; the export is wrong")
    return difference


def card(model: models.Classifier, dataset: Dataset, drawings: Drawings | None, about: dict[str, object]) -> str:
    """The model card, measured on the test images and on own drawings where there are any."""
    said = evaluation.predict(model, dataset.test)
    return CARD.format(
        name=type(model).__name__,
        parameters=models.parameter_count(model),
        version=torch.__version__,
        data=repr(dataset).replace(dataset.name, dataset.name.partition(":")[0], 1),
        accuracy=evaluation.accuracy_interval(said),
        n=len(dataset.test),
        confidence=said.confidence.mean().item(),
        error=evaluation.expected_calibration_error(said).item(),
        changes=by_change(model, dataset.test),
        writers=by_writer(model, drawings),
        **about,
    )


def by_change(model: models.Classifier, test: Split) -> str:
    """A table: accuracy after each way to spoil the images that notebook 10 knows."""
    rows = [("none", "", f"{evaluation.accuracy_interval(evaluation.predict(model, test)):.1%}")]
    for name, (unit, strengths, spoil) in warps.perturbations(len(test), generator=seeded(0)).items():
        spoilt = Split(spoil(test.images, strengths[STRENGTH]), test.labels)
        accuracy = evaluation.accuracy_interval(evaluation.predict(model, spoilt))
        rows.append((name, f"{strengths[STRENGTH]:g} ({unit})", f"{accuracy:.1%}"))
    return _table(rows, ("change", "strength", "accuracy [95 %]"))


def by_writer(model: models.Classifier, drawings: Drawings | None) -> str:
    """A table of own drawings by writer, by number and not by name."""
    if drawings is None:
        return "Not measured: no drawings were given (`--drawings PLACE`). Expect less than on the test images."
    correct, rows = evaluation.predict(model, drawings).correct, []
    writers = sorted(set(drawings.writers))
    for number, writer in enumerate(writers, start=1):
        right = correct[torch.tensor([one == writer for one in drawings.writers])]
        rows.append((number, len(right), f"{evaluation.share_interval(int(right.sum()), len(right)):.0%}"))
    rows.append(("all", len(correct), f"{evaluation.share_interval(int(correct.sum()), len(correct)):.0%}"))
    return _table(rows, ("writer", "digits", "right [95 %]"))


def _table(rows: Sequence[Sequence[object]], headers: Sequence[str]) -> str:
    return tabulate(rows, headers, tablefmt="github")
