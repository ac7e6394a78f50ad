"""Exercises of notebook 13: a convolution by hand, its size, its field."""

from __future__ import annotations

from mnist_lr_helpers.exercises.grading import Exercise

import torch


def _visit(image: torch.Tensor, weights: torch.Tensor, padding: int = 0) -> torch.Tensor:
    return torch.conv2d(image[None, None], weights[None, None], padding=padding)[0, 0]


def _field(kernel: int, blocks: int, pooling: int = 1, growth: int = 2) -> int:
    return 1 + sum((kernel - 1 + pooling) * growth**block for block in range(blocks))


_rows = torch.arange(30.0).reshape(5, 6)

EXERCISES: dict[str, Exercise] = {
    "13.1 valid-convolution": Exercise(
        expected=_visit,
        probes=(
            (torch.arange(20.0).reshape(4, 5).sqrt(), torch.tensor([[1.0, 2.0], [-3.0, 5.0]])),
            (_rows.sqrt(), torch.tensor([[1.0, 2, 0], [-3, 5, 1], [4, 0, -2]])),
            (2.0 * (_rows % 6 < 3), torch.tensor([[-1.0, 1.0], [-1.0, 2.0]])),  # a falling edge: negative values
        ),
        hints=(
            "In an image of 5 rows, how many places are there for a filter of 2 rows?",
            "Two loops as in `convolve`, over the places that are left. Which rows does the patch at place `row` hold?",
        ),
        mistakes={
            "you turn the filter by half a turn; leave it as it is": lambda image, w: _visit(image, w.flip(0, 1)),
            "this is padded: the filter hangs over the border": lambda image, w: _visit(image, w, 1),
            "this is the lesson's convolution, whose map is as large as the image": lambda image, w: _visit(
                image, w, len(w) // 2
            )[: len(image), : len(image[0])],
            "some places at the end, where the filter still fits, are missing": lambda x, w: _visit(x, w)[:-1, :-1],
            "the filter's rows and columns have changed places": lambda image, w: _visit(image, w.T),
            "the sum over the patch is missing its weights": lambda image, w: _visit(image, torch.ones_like(w)),
            "add the products up; this is their mean": lambda image, w: _visit(image, w) / w.numel(),
            "a feature map may be negative: no ReLU here": lambda image, w: _visit(image, w).relu(),
        },
    ),
    "13.2 count-a-layer": Exercise(
        expected=lambda side, c, f, k: (f * (c * k * k + 1), side * side * f * c * k * k),
        probes=((28, 1, 16, 5), (14, 16, 32, 3)),
        hints=(
            "How many weights has one filter, if it looks at all input channels? How many biases?",
            "Which of the two counts depends on how often a weight is used? At how many places is it?",
        ),
        mistakes={
            "the biases are missing from the parameters": lambda s, c, f, k: (f * c * k * k, ...),
            "a filter looks at all input channels": lambda s, c, f, k: (f * (k * k + 1), ...),
            "each filter has one bias, not one per channel": lambda s, c, f, k: (f * c * (k * k + 1), ...),
            "parameters are shared: they do not grow with the image": lambda s, c, f, k: (
                s * s * f * (c * k * k + 1),
                ...,
            ),
            "a filter is a square: kernel × kernel weights for each channel": lambda s, c, f, k: (f * (c * k + 1), ...),
            "the two numbers have changed places": lambda s, c, f, k: (s * s * f * c * k * k, f * (c * k * k + 1)),
            "a bias is added, without a product: no multiply-add": lambda s, c, f, k: (
                ...,
                s * s * f * (c * k * k + 1),
            ),
            "every weight is used at every place of the output": lambda s, c, f, k: (..., f * c * k * k),
            "the output has side × side places": lambda s, c, f, k: (..., s * f * c * k * k),
            "padding keeps the side of the output": lambda s, c, f, k: (..., (s - k + 1) ** 2 * f * c * k * k),
            "a multiply-add is one, not two": lambda s, c, f, k: (..., 2 * s * s * f * c * k * k),
        },
    ),
    "13.3 receptive-field": Exercise(
        expected=_field,
        probes=((5, 1), (5, 2), (3, 3)),
        hints=(
            "A convolution adds kernel − 1 steps to the field, a pooling one. How long is a step at first?",
            "Keep two numbers, the field and the step. What does a pooling do to the step of the next block?",
        ),
        mistakes={
            "pooling also widens the field by itself": lambda k, blocks: _field(k, blocks, pooling=0),
            "after pooling, a step on the map is two pixels of the image": lambda k, blocks: _field(
                k, blocks, growth=1
            ),
            "pooling widens the field, and doubles the steps after it": lambda k, blocks: _field(
                k, blocks, pooling=0, growth=1
            ),
            "give the side of the square, not its area": lambda k, blocks: _field(k, blocks) ** 2,
            "a pixel sees one pixel before the first block, not none": lambda k, blocks: _field(k, blocks) - 1,
        },
    ),
}
