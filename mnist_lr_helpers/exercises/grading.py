"""Graded checks for the reader's answers.

An exercise is data alone: the right answer, the inputs that an answer is tried with, and the usual mistakes, each with
a hint that names the mistake and not the answer. Those of a notebook stand in a file of their own, which is read when
one of them is asked for. What becomes of a verdict is the caller's business: ``check`` prints it.
"""

from __future__ import annotations

import copy
import dis
import importlib
import importlib.util
import re
import reprlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from mnist_lr_helpers.exercises.comparison import agree, as_array, clue_in
from mnist_lr_helpers.exercises.guard import SECONDS, TooLong, put_back, same_chance, watched

MARKS = {"not attempted": "○", "wrong": "✘", "right": "✔"}
NOTHING = "your function returns nothing: print shows a value, return hands it over"
# What the interpreter does in a function whose body is `...`, `pass`, or a docstring alone, or that returns `...`.
IDLE_STEPS = {"RESUME", "NOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE", "COPY_FREE_VARS"}
SHORT = reprlib.Repr()  # it survives what cannot be shown, too
SHORT.maxlist = SHORT.maxtuple = 8
SHORT.maxstring = SHORT.maxother = 120
asked_for: Counter[str] = Counter()  # how many hints the reader has had, by exercise


@dataclass(frozen=True)
class Exercise:
    """How to judge an answer to one exercise.

    Attributes:
        expected: the right answer, as a function of the arguments of each probe.
        mistakes: hint → what somebody who makes this mistake would answer, the most usual first. Among several values
            ``...`` stands for any value.
        probes: argument tuples that a function is called with; empty for a plain value, whose ``expected`` takes this
            run's measurements by name.
        tolerance: largest difference, absolute plus relative, that still counts as equal.
        ruled_out: functions that the task says to do without.
        hints: questions that lead there, the gentlest first, for a reader who does not know how to begin.
        use: what is done with an answer, given it and a probe, to get the value that is judged; by default it is
            called. A training step, say, is taken twice with a small model, and the weights are looked at.
    """

    expected: Callable[..., Any]
    mistakes: Mapping[str, Callable[..., Any]]
    probes: tuple[tuple[Any, ...], ...] = ()
    tolerance: float = 1e-4
    ruled_out: frozenset[str] = frozenset()
    hints: tuple[str, ...] = ()
    use: Callable[..., Any] = lambda answer, *probe: answer(*probe)


@dataclass(frozen=True)
class Grade:
    """``"not attempted"``, ``"wrong"`` or ``"right"``, with what to tell the reader, and which known mistake it is."""

    status: str
    message: str
    mistake: str = ""


@dataclass(frozen=True)
class _Trial:
    """What became of one probe; ``trouble`` says why there is no value to judge."""

    probe: tuple[Any, ...]
    wanted: Any
    value: Any = None
    trouble: str = ""
    right: bool = False
    changed: bool = False

    @property
    def question(self) -> str:
        return ", ".join(_short(argument) for argument in self.probe)


def exercises_of(number: str) -> dict[str, Exercise]:
    """The exercises of the notebook with this number, ``"03"`` say, by name; none if there is no such notebook."""
    module = f"mnist_lr_helpers.exercises.e{number}"
    return importlib.import_module(module).EXERCISES if importlib.util.find_spec(module) else {}


def find_exercise(name: str) -> Exercise:
    """The exercise called ``name``, which begins with its notebook's number: ``"03.2 step decay"``.

    Raises:
        KeyError: there is no exercise of that name.
    """
    there = exercises_of(name.split(".")[0])
    if name not in there:
        known = f"those of this notebook are {', '.join(there)}" if there else "no notebook has that number"
        raise KeyError(f"there is no exercise {name!r}; {known}")
    return there[name]


def hint(number: str | float) -> None:
    """Print the next hint of the exercise with this number, ``"03.2"`` say; after the last one, where the solution is.

    The number may come without its quotes.

    Raises:
        KeyError: there is no exercise of that number.
    """
    number = f"{number:04.1f}" if isinstance(number, float) else number
    there = exercises_of(number.split(".")[0])
    name = next((name for name in there if name.split()[0] == number.split()[0]), number)
    hints = find_exercise(name).hints
    asked_for[name] += 1
    if asked_for[name] <= len(hints):
        print(f"Hint {asked_for[name]} of {len(hints)}: {hints[asked_for[name] - 1]}")
    else:
        print("There are no more hints. The course's own notebooks have a solution, folded below the exercise.")


def check(name: str, answer: object, **given: object) -> None:
    """Grade an answer to the exercise called ``name`` and print the verdict.

    ``given`` are this run's own measurements, for questions about them.

    Raises:
        KeyError: there is no exercise of that name.
    """
    grade = grade_answer(name, answer, **given)
    print(MARKS[grade.status], f"{name}: {grade.message}")


def grade_answer(name: str, answer: object, **given: object) -> Grade:
    """Grade an answer: compare it with the right one, then with each known mistake.

    Raises:
        KeyError: there is no exercise of that name.
    """
    return judge(find_exercise(name), answer, given)


def judge(exercise: Exercise, answer: object, given: Mapping[str, object]) -> Grade:
    """Grade an answer to this exercise; ``given`` are the measurements that it asks about."""
    if answer is ... or _is_stub(answer):
        return Grade("not attempted", "not attempted yet. Replace the … with your answer")
    if exercise.probes and not callable(answer):
        return Grade("wrong", "the answer should be a function")
    if callable(answer) and not exercise.probes:
        return Grade("wrong", "the answer should be a value, not a function; did you forget the brackets?")
    if answer is None:
        return Grade("wrong", "the answer is None, which is nothing: print shows a value, and does not hand it over")
    try:
        wanted = [(probe, exercise.expected(*probe, **given)) for probe in exercise.probes or ((),)]
    except Exception as error:
        if not given:
            raise
        return Grade(
            "wrong",
            f"the check cannot use {', '.join(given)} any more ({_told(error)}). Does your code give such a name to "
            "something else? Choose a name of your own and run the notebook again",
        )
    put_back()
    trials: list[_Trial] = []
    try:
        with watched():
            for probe, value in wanted:
                trials.append(_try(exercise, answer, probe, value))
    except TooLong:
        question = ", ".join(map(_short, wanted[len(trials)][0]))
        return Grade("wrong", f"with {question} your code takes more than {SECONDS} s: does a loop never end?")
    if replaced := put_back():
        names = ", ".join(replaced)
        return Grade(
            "wrong", f"your code replaces {names}, which everything else needs. It is put back: use it as it is"
        )
    if not all(trial.right for trial in trials):
        return _explain(exercise, trials, given)
    if used := exercise.ruled_out & _names_used(getattr(answer, "__code__", None)):
        return Grade("wrong", f"the right numbers, but by {', '.join(sorted(used))}, which the task rules out")
    if any(trial.changed for trial in trials):
        return Grade("right", "right, but your function changes what it was given: let it work on a copy")
    return Grade("right", "right")


def _is_stub(answer: object) -> bool:
    """Whether this is a function as it stood in the notebook, with nothing in its body."""
    if not isinstance(answer, FunctionType):
        return False
    steps = {step.opname for step in dis.get_instructions(answer)}
    return steps <= IDLE_STEPS and set(answer.__code__.co_consts) <= {None, ..., answer.__doc__}


def _names_used(code: object) -> set[str]:
    """All names that a function's code reaches for, those of functions inside it included."""
    if not isinstance(code, CodeType):
        return set()
    return set(code.co_names).union(*(_names_used(constant) for constant in code.co_consts))


def _try(exercise: Exercise, answer: object, probe: tuple[Any, ...], wanted: object) -> _Trial:
    if not callable(answer):
        return _Trial(probe, wanted, answer, right=agree(answer, wanted, exercise.tolerance))
    arguments = copy.deepcopy(probe)  # so that an answer which works in place cannot change the question
    try:
        with same_chance():
            value = exercise.use(answer, *arguments)
    except Exception as error:  # whatever the reader's code raises is shown to the reader
        return _Trial(probe, wanted, trouble=f"your code stops with {_told(error)}")
    except (SystemExit, GeneratorExit) as error:
        return _Trial(probe, wanted, trouble=f"your code leaves with {type(error).__name__}; it should return a value")
    if value is None:
        return _Trial(probe, wanted, trouble=NOTHING)
    if value is ...:
        return _Trial(probe, wanted, trouble="your function returns `...`: replace it with what you worked out")
    numbers = [(left, right) for left, right in zip(arguments, probe, strict=True) if as_array(right) is not None]
    changed = not all(agree(left, right, 0.0) for left, right in numbers)
    return _Trial(probe, wanted, value, right=agree(value, wanted, exercise.tolerance), changed=changed)


def _explain(exercise: Exercise, trials: list[_Trial], given: Mapping[str, object]) -> Grade:
    """What to tell the reader whose answer failed in at least one trial."""
    judged = [trial for trial in trials if not trial.trouble]
    trouble = next((f"with {trial.question} {trial.trouble}" for trial in trials if trial.trouble), "")
    parts = [trouble]
    if not all(trial.right for trial in judged):
        hints = (hint for hint, mistake in exercise.mistakes.items() if _made(mistake, judged, exercise, given))
        if hint := next(hints, ""):
            return Grade("wrong", "; ".join(filter(None, [hint, trouble])), mistake=hint)
        called = exercise.use is Exercise.use  # else the values are what came of the answer, which the reader never saw
        clue = called and clue_in([(trial.value, trial.wanted) for trial in judged], exercise.tolerance)
        parts = [trouble or clue or "not right yet, and none of the usual mistakes"]
        if not called:
            return Grade("wrong", parts[0])
    if exercise.probes:
        parts += [f"right for {trial.question}" for trial in judged if trial.right][:1]
        parts += [f"for {t.question} yours is {_short(t.value)}" for t in judged if not t.right][:1]
    return Grade("wrong", "; ".join(filter(None, parts)))


def _made(mistake: Callable[..., Any], judged: list[_Trial], exercise: Exercise, given: Mapping[str, object]) -> bool:
    """Whether the answer is, wherever it is one, what this mistake leads to."""
    try:
        for trial in judged:
            with same_chance():
                value = mistake(*trial.probe, **given)
            if not agree(trial.value, value, exercise.tolerance):
                return False
        return True
    except Exception:  # a mistake that stops on one of these inputs is not that of an answer which goes through
        return False


def _short(value: object) -> str:
    """A value on one short line, without its address in memory: the same answer is told the same."""
    try:
        return re.sub(r" at 0x[0-9a-f]+", "", " ".join(SHORT.repr(value).split()))
    except Exception:
        return f"something of the type {type(value).__name__}"


def _told(error: Exception) -> str:
    """An error as Python prints it, on one line and cut where it gets long."""
    try:
        text = str(error)
    except Exception:
        text = "(a message that cannot be shown)"
    shown = " ".join(text[:300].split())
    return f"{type(error).__name__}: {shown}{'…' if len(text) > 300 else ''}"
