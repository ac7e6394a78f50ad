"""Exercise of notebook 00: which digit has the largest sum of ink times weight."""

from __future__ import annotations

from mnist_lr_helpers.exercises.grading import Exercise

import torch

EXERCISES: dict[str, Exercise] = {
    "00.1 winner": Exercise(
        expected=lambda x, w: (w @ x).argmax(),
        probes=(
            (torch.tensor([1.0, 0.5, 0.0]), torch.tensor([[2.0, -4.0, 3.0], [1.0, 2.0, -5.0]])),
            (
                torch.tensor([0.2, 1.0, 0.0, 0.6]),
                torch.tensor([[9.0, -1, 0, 2], [1, 2, 1, 1], [0, -3, 9, 2], [-9, 4, 0, -1], [-1, -1, 0, 0]]),
            ),
            (torch.tensor([0.0, 0.1, 0.9]), torch.tensor([[0.0, 0, 1], [4, 9, 0], [1, -1, -2], [-3, 2, 2]])),
            (torch.tensor([0.5, 0.5]), torch.tensor([[-1.0, -1.0], [-2.0, -3.0], [-4.0, 0.0]])),
        ),
        mistakes={
            "this is the largest score; asked for is whose it is": lambda x, w: (w @ x).max(),
            "these are the scores of all digits; which of them is the largest?": lambda x, w: w @ x,
            "here the smallest score wins": lambda x, w: (w @ x).argmin(),
            "rows are counted from 0 in Python, and so are the digits": lambda x, w: (w @ x).argmax() + 1,
            "this adds up the whole table, to one number; add up each row by itself": lambda x, w: 0,
            "the ink has no say here: multiply each weight by the ink of its pixel": lambda x, w: w.sum(dim=1).argmax(),
            "this looks for the largest single product; a score is the sum of a row of them": lambda x, w: (
                (w * x).amax(dim=1).argmax()
            ),
            "this is a place in the whole table of products; add up each row first": lambda x, w: (w * x).argmax(),
            "this adds up over the digits, one sum a pixel; add up over the pixels": lambda x, w: (
                (w * x).sum(dim=0).argmax()
            ),
            "grey ink counts as full ink here; half the ink is half the say": lambda x, w: (
                w @ (x > 0).float()
            ).argmax(),
            "the size of a score wins here, whatever its sign; a score below 0 is small": lambda x, w: (
                (w @ x).abs().argmax()
            ),
        },
        hints=(
            "What is the score of digit 0 in the table, as a line of code?",
            "Ink times weights gives a table of products, one row a digit. What turns each row into one number, and "
            "which method of a tensor tells where the largest number stands?",
        ),
    ),
}
