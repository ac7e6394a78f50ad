"""What students might answer to the exercises of notebook 03: rightly in another style, and with the usual mistakes."""

import copy
import math

import numpy as np
import torch
from torch import nn


def step(model, optimizer, images, labels, clear=True, forget=False, back=True, move=True, end=None):
    if clear:
        for parameter in model.parameters():
            parameter.grad = None
    scores = model(images) if end is None else end(model(images))
    loss = nn.NLLLoss()(scores.log_softmax(1), labels)
    if back:
        loss.backward()
    if forget:
        optimizer.zero_grad()
    if move:
        optimizer.step()
    return loss.item()


def epoch(step, images, labels, batch_size, generator, shuffle=True, whole=True, mean=np.average):
    """An epoch with NumPy's means."""
    n = len(images)
    order = torch.randperm(n, generator=generator) if shuffle else torch.arange(n)
    starts = range(0, n if whole else n - batch_size + 1, batch_size)
    batches = [order[start : start + batch_size] for start in starts]
    losses = [step(images[batch], labels[batch]) for batch in batches]
    return mean(losses, weights=[len(batch) for batch in batches])


def best(model, train, validate, epochs, copied=copy.deepcopy, better=lambda new, old: new < old):
    kept, reached = None, None
    for _ in range(epochs):
        train()
        loss = validate()
        if reached is None or better(loss, reached):
            kept, reached = copied(model.state_dict()), loss
    return kept


def validated_first(model, train, validate, epochs):
    states = []
    for _ in range(epochs):
        before = copy.deepcopy(model.state_dict())
        train()
        states.append((validate(), before))
    return min(states, key=lambda state: state[0])[1]


def against_the_last(model, train, validate, epochs):
    last = math.inf
    for _ in range(epochs):
        train()
        loss = validate()
        if loss < last:
            kept = copy.deepcopy(model.state_dict())
        last = loss
    return kept


# Right answers in another style than the solution's.
OTHERWISE = {
    "03.1 training step": step,
    "03.2 epoch": epoch,
    "03.3 choose a rate": lambda rates, train, validation: rates[int(np.nanargmin(validation))],
    "03.4 best weights": best,
}

# Words of the hint → an answer as students write it.
NATURAL = {
    "03.1 training step": {
        "zero_grad is missing": lambda *given: step(*given, clear=False),
        "no step is taken": lambda *given: step(*given, move=False),
        "gradient forgotten just before it": lambda *given: step(*given, forget=True),
        "hand the loss over": lambda *given: print(step(*given)),
        "the loss after the step": lambda model, optimizer, images, labels: (
            step(model, optimizer, images, labels),
            nn.CrossEntropyLoss()(model(images), labels).item(),
        )[1],
        "it gets probabilities": lambda *given: step(*given, end=nn.Softmax(dim=1)),
    },
    "03.2 epoch": {
        "nothing is shuffled": lambda *given: epoch(*given, shuffle=False),
        "not drawn from the generator": lambda *given: epoch(*given[:-1], torch.Generator().manual_seed(1)),
        "two orders": lambda step, images, labels, *given: epoch(
            lambda x, _: step(x, labels[: len(x)]), images, labels, *given
        ),
        "the last, smaller batch": lambda *given: epoch(*given, whole=False),
        "counts as much here": lambda *given: epoch(*given, mean=lambda losses, weights: np.mean(losses)),
        "not a mean": lambda *given: epoch(*given, mean=lambda losses, weights: sum(losses)),
    },
    "03.3 choose a rate": {
        "this is a loss": lambda rates, train, validation: np.nanmin(validation),
        "the place in the list": lambda rates, train, validation: np.nanargmin(validation),
        "cannot see overfitting": lambda rates, train, validation: rates[int(np.nanargmin(train))],
        "argmin takes nan": lambda rates, train, validation: rates[int(np.argmin(validation))],
        "places of the list shift": lambda rates, train, validation: rates[
            int(np.argmin([loss for loss in validation if not math.isnan(loss)]))
        ],
        "nan passes for the lowest": lambda rates, train, validation: rates[
            sorted(range(len(rates)), key=lambda i: math.inf if math.isnan(train[i]) and i else validation[i])[0]
        ],
    },
    "03.4 best weights": {
        "is a copy kept": lambda *given: best(*given, copied=lambda state: state),
        "and the best loss with it": lambda *given: best(*given, better=lambda new, old: True),
        "the epoch before, not the best": against_the_last,
        "takes the later": lambda *given: best(*given, better=lambda new, old: new <= old),
        "before the best epoch": validated_first,
    },
}

# What a run might have measured, for the exercises whose answer is a value.
MEASURED = {}
