"""Exercises of notebook 11: a stable loss, the way back from a mean, a step with a penalty, a fair lead."""

from __future__ import annotations

from mnist_lr_helpers.exercises.grading import Exercise

import numpy as np


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def _losses(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, (1 - 2 * y) * z)


def _formula(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return -(y * np.log(p) + (1 - y) * np.log(1 - p))


def _exponential(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.log(1 + np.exp((1 - 2 * y) * z))


def _probability(z: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return _sigmoid(z)


def _slopes(x: np.ndarray, y: np.ndarray, w: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradient of the mean loss, without a penalty."""
    residual = (_sigmoid(x @ w + b) - y) / len(x)
    return x.T @ residual, residual.sum(axis=0, keepdims=True)


def _step(
    *given: np.ndarray, weights: float = 1.0, penalty: float = 1.0, bias_penalty: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """A step whose gradient and penalties are multiplied by such factors."""
    x, y, w, b, rate, strength = given
    w_slope, b_slope = _slopes(x, y, w, b)
    new_w = w - rate * (weights * w_slope + penalty * strength * w)
    return new_w, b - rate * (weights * b_slope + bias_penalty * strength * b)


def _lead(
    ovr_validation: np.ndarray, ovr_test: np.ndarray, soft_validation: np.ndarray, soft_test: np.ndarray
) -> float:
    return 100 * (soft_test[soft_validation.argmax()] - ovr_test[ovr_validation.argmax()])


_logits = np.array([3.0, -2.0, 0.5, 40.0, -1000.0, 1000.0]), np.array([1, 0, 0, 1, 0, 0])
_images = np.array([[1.0, 0.5, 0.0], [0.0, 0.25, 1.0], [0.5, 0.0, 1.0], [1.0, 1.0, 0.0]])
_model = np.array([[0.5, -1.0], [1.0, 0.25], [-0.5, 2.0]]), np.array([[0.5, -0.25]])
_answers = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
_races = (
    tuple(np.array(row) for row in ([0.91, 0.90, 0.87], [0.915, 0.92, 0.88], [0.90, 0.91, 0.92], [0.93, 0.91, 0.925])),
    tuple(np.array(row) for row in ([0.80, 0.84], [0.83, 0.82], [0.85, 0.81], [0.80, 0.86])),
)

EXERCISES: dict[str, Exercise] = {
    "11.1 stable-loss": Exercise(
        expected=lambda z, y: _losses(z, y).mean(),
        probes=((_logits[0][:3], _logits[1][:3]), _logits),
        hints=(
            "What is the loss of a yes as a logarithm of 1 plus something? And that of a no?",
            "`np.logaddexp(0, a)` is ln(1 + eᵃ) for any a. Which sign does z need for a yes, which for a no?",
        ),
        mistakes={
            "a large score still breaks it: take sigmoid and logarithm together": lambda z, y: _formula(
                _probability(z), y
            ).mean(),
            "the exponential of a large score is infinite": lambda z, y: _exponential(z, y).mean(),
            "clipping the probability keeps it finite, and too small for large wrong scores": lambda z, y: _formula(
                np.clip(_probability(z), 1e-7, 1 - 1e-7), y
            ).mean(),
            "this is the sum over the images, not the mean": lambda z, y: _losses(z, y).sum(),
            "this is one loss for each image; give their mean": _losses,
            "only the images whose answer is yes have a loss here": lambda z, y: (_losses(z, y) * y).mean(),
            "yes and no are interchanged": lambda z, y: _losses(-z, y).mean(),
        },
    ),
    "11.2 the-way-back": Exercise(
        expected=lambda mean, n_classes: 1 - n_classes * (1 - mean) / 2,
        probes=((0.98, 10), (0.75, 4), (0.9, 5)),
        hints=(
            "How many of its yes-or-no answers are wrong, if the decision for one image is wrong?",
            "Which share of all answers is wrong? How many wrong answers is that for each image, on average?",
        ),
        mistakes={
            "this is the other way: from the share of images to the mean": lambda m, n: 1 - 2 * (1 - m) / n,
            "a wrong image costs two answers: a yes too many and a yes too few": lambda m, n: 1 - n * (1 - m),
            "the mean shares out the wrong answers among all the models": lambda m, n: 1 - (1 - m) / 2,
            "two wrong answers are one wrong image, not four": lambda m, n: 1 - 2 * n * (1 - m),
            "this is right for ten classes; their number is given": lambda m, n: 1 - 10 * (1 - m) / 2,
            "this is the share of answers; every image gets many": lambda m, n: m,
            "this is the share of wrong images": lambda m, n: n * (1 - m) / 2,
        },
    ),
    "11.3 penalised-step": Exercise(
        expected=_step,
        probes=((_images, _answers, *_model, 0.5, 0.1), (_images[:3], _answers[:3], *_model, 0.2, 1.0)),
        hints=(
            "Which derivative has λ/2 · w²? Which of the two gradients does it join?",
            "Call `gradients` first. What has to be added to one of its two results before the step?",
        ),
        mistakes={
            "the penalty is for the weights alone, and yours pulls the bias, too": lambda *a: _step(*a, bias_penalty=1),
            "half a square has no factor of 2 in its derivative": lambda *a: _step(*a, penalty=2),
            "the penalty drives the weights away from zero: mind its sign": lambda *a: _step(*a, penalty=-1),
            "this is a step uphill": lambda *a: _step(*a, weights=-1, penalty=-1),
            "the residual is probability minus truth": lambda *a: _step(*a, weights=-1),
            "the penalty is part of the gradient, so the learning rate multiplies it, too": lambda *a: _step(
                *a, penalty=1 / a[4]
            ),
            "where is the penalty?": lambda *a: _step(*a, penalty=0),
            "the gradient is a mean over the images, not a sum": lambda *a: _step(*a, weights=len(a[0])),
            "weights first, then biases": lambda *a: _step(*a)[::-1],
        },
    ),
    "11.4 fair-lead": Exercise(
        expected=_lead,
        probes=_races,
        hints=(
            "Who chooses the setting of the yes-or-no models: their own validation accuracies, or anything else?",
            "`argmax` gives the place of the best setting. On which images do you look for it, on which do you judge?",
        ),
        mistakes={
            "each model was chosen by its test images": lambda v, t, v2, t2: 100 * (t2.max() - t.max()),
            "this is the lead on the validation images": lambda v, t, v2, t2: 100 * (v2.max() - v.max()),
            "both models got the setting that suits the softmax": lambda v, t, v2, t2: (
                100 * (t2[v2.argmax()] - t[v2.argmax()])
            ),
            "both models got the setting that suits the yes-or-no models": lambda v, t, v2, t2: (
                100 * (t2[v.argmax()] - t[v.argmax()])
            ),
            "softmax minus one versus rest, not the other way round": lambda *a: -_lead(*a),
            "points are hundredths": lambda *a: _lead(*a) / 100,
        },
    ),
}
