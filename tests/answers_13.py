"""What students might answer to the exercises of notebook 13: rightly in another style, and with the usual mistakes."""

import numpy as np
import torch


def _convolution_in_loops(image: torch.Tensor, weights: torch.Tensor) -> list[list[float]]:
    rows, columns, side = image.shape[0], image.shape[1], len(weights)
    return [
        [(image[i : i + side, j : j + side] * weights).sum().item() for j in range(columns - side + 1)]
        for i in range(rows - side + 1)
    ]


def correlate(image, weights, rows=0, padding=0):
    image = np.pad(image.numpy(), padding)
    kernel = len(weights)
    return np.array(
        [
            [
                (image[i : i + kernel, j : j + kernel] * np.asarray(weights)).sum()
                for j in range(image.shape[1] - kernel + 1 - rows)
            ]
            for i in range(image.shape[0] - kernel + 1 - rows)
        ]
    )


# Right answers in another style than the solution's.
OTHERWISE = {
    "13.1 valid-convolution": _convolution_in_loops,
    "13.2 count-a-layer": lambda side, inputs, filters, kernel: (
        sum(p.numel() for p in torch.nn.Conv2d(inputs, filters, kernel, device="meta").parameters()),
        side * side * torch.empty(filters, inputs, kernel, kernel, device="meta").numel(),
    ),
    "13.3 receptive-field": lambda kernel, blocks: 1 + kernel * (2**blocks - 1),
}

# Words of the hint → an answer as students write it.
NATURAL = {
    "13.1 valid-convolution": {
        "half a turn": lambda image, w: correlate(image, w.flip(0).flip(1)),
        "have changed places": lambda image, w: correlate(image, w.T),
        "this is padded": lambda image, w: correlate(image, w, padding=1),
        "are missing": lambda image, w: correlate(image, w, rows=1),
        "no ReLU": lambda image, w: np.maximum(correlate(image, w), 0),
        "their mean": lambda image, w: correlate(image, w) / w.numel(),
    },
    "13.2 count-a-layer": {
        "do not grow with the image": lambda side, c, f, k: ((c * k**2 + 1) * f * side**2, side**2 * f * c * k**2),
        "all input channels": lambda side, c, f, k: ((k**2 + 1) * f, side**2 * f * k**2),
        "at every place": lambda side, c, f, k: ((c * k**2 + 1) * f, f * c * k**2),
        "keeps the side": lambda side, c, f, k: ((c * k**2 + 1) * f, (side - k + 1) ** 2 * f * c * k**2),
        "is one, not two": lambda side, c, f, k: ((c * k**2 + 1) * f, 2 * side**2 * f * c * k**2),
        "the biases are missing": lambda side, c, f, k: (c * k**2 * f, side**2 * f * c * k**2),
    },
    "13.3 receptive-field": {
        "also widens": lambda k, blocks: 1 + (k - 1) * (2**blocks - 1),
        "two pixels of the image": lambda k, blocks: 1 + k * blocks,
        "and doubles the steps": lambda k, blocks: 1 + (k - 1) * blocks,
        "not its area": lambda k, blocks: (1 + k * (2**blocks - 1)) ** 2,
    },
}

# What a run might have measured, for the exercises whose answer is a value.
MEASURED = {}
