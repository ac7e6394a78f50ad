"""Runs unit tests of a copy of the project in a process that has been split off for that, with the libraries loaded."""

from __future__ import annotations

import gc
import os
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

# What the tests import, apart from the project: loaded once. One that is missing is loaded by nobody.
LIBRARIES = ["pytest", "hypothesis.strategies", "torch", "torch._dynamo", "pandas", "scipy.stats", "sklearn.metrics"]
LIBRARIES += ["sklearn.datasets", "statsmodels.stats.proportion", "matplotlib.figure", "nbformat", "papermill"]
LIBRARIES += ["cv2", "PIL.Image", "psutil", "seaborn", "tabulate", "xml.etree.ElementTree"]
# The tests that have noticed a mutant before come first: they will notice its neighbours, too.
OPTIONS = ("-x", "-q", "--tb=line", "--failed-first", "-m", "not slow and not notebook and not browser")
HYPOTHESIS = ("-p", "_hypothesis_pytestplugin", "--hypothesis-profile=first")


def run_tests(project: Path, tests: Sequence[str], told: Path, most: int) -> None:
    """End this process with 0 if all these tests of the copy pass.

    Args:
        project: the copy.
        tests: names of its test files.
        told: the file that gets what pytest says, and in its last line the seconds of processor time.
        most: of these seconds; then SIGXCPU ends the process. Unlike time on the clock, other work does not change it.
    """
    resource.setrlimit(resource.RLIMIT_CPU, (most, most + 5))
    os.setsid()  # so that the processes that tests start can be ended with this one
    gc.freeze()  # what is loaded stays: pytest's garbage collections need not walk through it, half a second each
    os.chdir(project)
    sys.path[:0] = [str(project)]
    os.environ |= {"PYTHONPATH": str(project), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    with told.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    import pytest
    from hypothesis import HealthCheck, Phase, settings

    # As in conftest, but the first example that fails is enough: none smaller is looked for.
    course = {"deadline": None, "derandomize": True, "suppress_health_check": [HealthCheck.too_slow]}
    settings.register_profile("first", phases=[Phase.explicit, Phase.generate], **course)
    status = pytest.main([*OPTIONS, *HYPOTHESIS, *(f"tests/{name}" for name in tests)])
    print(time.process_time(), flush=True)
    sys.exit(status)
