"""Runs unit tests of a copy of the project in a process that has been split off for that, with the libraries loaded."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path

# What the tests import, apart from the project: loaded once. One that is missing is loaded by nobody.
LIBRARIES = ["pytest", "hypothesis.strategies", "torch", "torch._dynamo", "pandas", "scipy.stats", "sklearn.metrics"]
LIBRARIES += ["sklearn.datasets", "statsmodels.stats.proportion", "matplotlib.figure", "nbformat", "papermill"]
LIBRARIES += ["cv2", "PIL.Image", "psutil", "seaborn", "tabulate", "xml.etree.ElementTree"]
OPTIONS = ("-x", "-q", "--tb=line", "-p", "no:cacheprovider", "-m", "not slow and not notebook and not browser")
HYPOTHESIS = ("-p", "_hypothesis_pytestplugin", "--hypothesis-profile=first")


def run_tests(project: Path, tests: Sequence[str], told: Path) -> None:
    """End this process with 0 if all these tests of the copy pass; what pytest says goes to the file ``told``."""
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
    sys.exit(pytest.main([*OPTIONS, *HYPOTHESIS, *(f"tests/{name}" for name in tests)]))
