"""The exercises: the grader, and one file a notebook. ``e03.EXERCISES`` holds those of notebook 03, in order."""

from mnist_lr_helpers.exercises.grading import check, hint

__all__ = ["check", "hint"]
