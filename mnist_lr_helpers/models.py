"""The models of the course: logistic regression, multilayer perceptron, convolutional network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Generator, Tensor, nn
from torch.nn.utils import skip_init

INITIALISATIONS = ("xavier", "zeros", "torch")


class Classifier(nn.Module):
    """A model that turns images into logits, one per class."""

    def predict_proba(self, images: Tensor) -> Tensor:
        """Class probabilities ``[n, n_classes]`` of images ``[n, 1, 28, 28]``; each row sums to 1."""
        return self(images).softmax(dim=1)


class LogisticRegression(Classifier):
    """Softmax regression: one linear layer, logits = x Wᵀ + b.

    Args:
        n_features: length of the flattened input.
        n_classes: number of logits.
        initialisation: ``"xavier"`` (Glorot and Bengio 2010, uniform, biases zero),
            ``"zeros"``, or ``"torch"`` (the default of ``nn.Linear``).
        generator: source of the random weights; required unless ``"zeros"``.

    Raises:
        ValueError: unknown initialisation, or random weights without a generator.
    """

    def __init__(
        self,
        n_features: int = 784,
        n_classes: int = 10,
        *,
        initialisation: str = "xavier",
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        self.linear = skip_init(nn.Linear, n_features, n_classes)
        _initialise(self, initialisation, generator)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``[n, n_classes]`` of images or features with ``n_features`` numbers each."""
        return self.linear(images.flatten(start_dim=1))


class MultilayerPerceptron(Classifier):
    """Linear layers with ReLU between them, in PyTorch's default initialisation.

    Args:
        hidden: widths of the hidden layers; empty for softmax regression.
        n_features: length of the flattened input.
        n_classes: number of logits.
        generator: source of the random weights.
    """

    def __init__(
        self, hidden: Sequence[int], *, n_features: int = 784, n_classes: int = 10, generator: Generator
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise([n_features, *hidden, n_classes]):
            layers += [skip_init(nn.Linear, inputs, outputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])
        _initialise(self, "torch", generator)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``[n, n_classes]`` of images ``[n, 1, 28, 28]``."""
        return self.layers(images.flatten(start_dim=1))


class ConvolutionalNetwork(Classifier):
    """Blocks of convolution, 2×2 max-pooling and ReLU, then one linear layer.

    Args:
        channels: number of filters of each block; every block halves the image's side.
        kernel_size: side of the filters in pixels, odd; borders are padded with zeros.
        n_classes: number of logits.
        generator: source of the random weights.

    Raises:
        ValueError: an even ``kernel_size``.
    """

    def __init__(
        self,
        channels: Sequence[int] = (16, 32),
        *,
        kernel_size: int = 5,
        n_classes: int = 10,
        generator: Generator,
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size is {kernel_size}; it must be odd, or the padding would move the image")
        blocks: list[nn.Module] = []
        for inputs, outputs in zip([1, *channels], channels, strict=False):
            convolution = skip_init(nn.Conv2d, inputs, outputs, kernel_size, padding=kernel_size // 2)
            # ReLU after the pooling: the same result as before it, at a quarter of the work.
            blocks += [convolution, nn.MaxPool2d(2), nn.ReLU()]
        self.features = nn.Sequential(*blocks)
        side = 28 // 2 ** len(channels)
        self.linear = skip_init(nn.Linear, channels[-1] * side * side, n_classes)
        _initialise(self, "torch", generator)
        self.to(memory_format=torch.channels_last)  # a layout in memory that a CPU pools about twice as fast

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``[n, n_classes]`` of images ``[n, 1, 28, 28]``."""
        return self.linear(self.features(images).flatten(start_dim=1))


def parameter_count(model: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def _initialise(model: nn.Module, initialisation: str, generator: Generator | None) -> None:
    """Fill weights and biases from the generator; the global random state stays untouched."""
    if initialisation not in INITIALISATIONS:
        raise ValueError(f"initialisation is {initialisation!r}; choose one of {', '.join(INITIALISATIONS)}")
    if generator is None and initialisation != "zeros":
        remedy = "pass generator=torch.Generator().manual_seed(…)"
        raise ValueError(f"initialisation {initialisation!r} draws random weights: {remedy}")
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
            if initialisation == "xavier":
                nn.init.xavier_uniform_(layer.weight, generator=generator)
            elif initialisation == "torch":
                bound = 1 / math.sqrt(layer.weight[0].numel())  # of the inputs that a neuron or filter adds up
                nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
