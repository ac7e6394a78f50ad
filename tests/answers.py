"""All exercises, and what students answer to them: ``answers_03.py`` holds those of notebook 03.

Each of these files has ``OTHERWISE``, right answers in another style than the solution's; ``NATURAL``, the usual
mistakes, as students make them, with words of the hint that names them; and ``MEASURED``, what a run might have
measured, for exercises that are about this run.
"""

import importlib
import pkgutil
from collections.abc import Callable

from mnist_lr_helpers import exercises
from mnist_lr_helpers.exercises.grading import Exercise, Grade, exercises_of, grade_answer

NUMBERS = sorted(module.name[1:] for module in pkgutil.iter_modules(exercises.__path__) if module.name[1:].isdigit())
EXERCISES: dict[str, Exercise] = {name: one for number in NUMBERS for name, one in exercises_of(number).items()}
ANSWERS = [importlib.import_module(f"answers_{number}") for number in NUMBERS]
OTHERWISE: dict[str, Callable] = {name: one for file in ANSWERS for name, one in file.OTHERWISE.items()}
NATURAL: dict[str, dict[str, Callable]] = {name: one for file in ANSWERS for name, one in file.NATURAL.items()}
MEASURED: dict[str, dict[str, object]] = {name: one for file in ANSWERS for name, one in file.MEASURED.items()}


def graded(name: str, answer: Callable) -> Grade:
    """The verdict on an answer; where a value is asked for, ``answer`` makes it of what the run measured."""
    if not EXERCISES[name].probes:
        return grade_answer(name, answer(**MEASURED[name]), **MEASURED[name])
    return grade_answer(name, answer)
