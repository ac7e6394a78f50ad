"""One of scikit-learn's solvers, in a process of its own so that the caller can end it: ``race.py FOLDER SOLVER L2``.

Prints one JSON line when it is ready, then one per attempt: seconds of ``fit`` alone, test accuracy, and, of a softmax
regression, the objective of ``convex_optimum``. A fresh model is fitted for each attempt, so its seconds are those of a
reader who knows how many iterations it takes.
"""

from __future__ import annotations

import json
import math
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, SGDClassifier

SOFTMAX_SOLVERS = ("newton-cg", "lbfgs", "sag", "saga", "newton-cholesky")
SOLVERS = (*SOFTMAX_SOLVERS, "SGDClassifier")


def build(solver: str, iterations: int, l2: float, n: int) -> LogisticRegression | SGDClassifier:
    """A model that stops after so many iterations; the penalty is l2/2 ‖W‖² on the mean loss of n images."""
    if solver == "SGDClassifier":  # ten one-vs-rest models at the library's own penalty, in threads
        return SGDClassifier(loss="log_loss", max_iter=iterations, tol=None, random_state=0, n_jobs=-1)
    # The column of ones that stands for the bias makes the objective the very one of convex_optimum.
    options = {"C": 1 / (l2 * n), "fit_intercept": False, "tol": 1e-10, "random_state": 0}
    return LogisticRegression(solver=solver, max_iter=iterations, **options)


def objective(weights: np.ndarray, pixels: np.ndarray, labels: np.ndarray, l2: float) -> float:
    """Mean cross-entropy + l2/2 ‖weights‖² of a softmax regression, in float64 where it is summed."""
    logits = pixels @ weights.T.astype(np.float32)
    highest = logits.max(axis=1)
    log_sums = np.log(np.exp(logits - highest[:, None]).sum(axis=1, dtype=np.float64)) + highest
    losses = log_sums - logits[np.arange(len(labels)), labels]
    return float(losses.mean() + l2 / 2 * np.square(weights, dtype=np.float64).sum())


def main(folder: Path, solver: str, l2: float) -> None:
    """Answer each number of iterations that arrives on the standard input with one attempt."""
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    part = {name: np.load(folder / f"{name}.npy") for name in ("pixels", "labels", "test_pixels", "test_labels")}
    softmax = solver in SOFTMAX_SOLVERS
    print(json.dumps({"ready": solver}), flush=True)
    for line in sys.stdin:
        model = build(solver, int(line), l2, len(part["labels"]))
        started = time.perf_counter()
        model.fit(part["pixels"], part["labels"])
        seconds = time.perf_counter() - started
        attempt = {
            "seconds": seconds,
            "accuracy": float((model.predict(part["test_pixels"]) == part["test_labels"]).mean()),
            "objective": objective(model.coef_, part["pixels"], part["labels"], l2) if softmax else math.nan,
        }
        print(json.dumps(attempt), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
