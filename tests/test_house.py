"""The form of the code: how much of it there is, who may import whom, and what nobody may touch.

`.github/CONTRIBUTING.md` says why. Whether the code is right, the other files ask.
"""

import ast
import json
from collections import Counter
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = PROJECT / "mnist_lr_helpers"
MODULES = sorted(PACKAGE.rglob("*.py"))
NOTEBOOKS = sorted((PROJECT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
# What notebooks import, from left to right: each module imports only from its left.
ORDER = [
    "exceptions",
    "files",
    "download",
    "splits",
    "handwriting",
    "data",
    "features",
    "warps",
    "models",
    "training",
    "checkpoints",
    "optimum",
    "evaluation",
    "plotting",
    "findings",
]
# Lines of code. What reads people's own pictures has its own limit: only notebook 16 and ``folder:`` need it.
LIMITS = {"modules": 1_500, "handwriting": 600, "course": 1_400, "reproduction": 2_000}
LINES_A_FILE, LINES_A_FUNCTION, LINES_OF_EXERCISES, PARAMETERS = 400, 40, 120, 6
every_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def code_lines(path: Path) -> frozenset[int]:
    """The numbers of the lines that are code: neither blank nor comment nor docstring."""
    documented = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and ast.get_docstring(node):
            documented |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
    kept = {number for number, line in lines if line.strip() and not line.lstrip().startswith("#")}
    return frozenset(kept - documented)


def functions_in(path: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef)]


def room_of(path: Path) -> str:
    """The folder below the package, or ``"modules"``; the door to the command line belongs to ``course/``."""
    parts = path.relative_to(PACKAGE).parts
    if parts == ("__main__.py",):
        return "course"
    return parts[0] if len(parts) > 1 else "modules"


def imported_names(path: Path) -> set[str]:
    """The dotted names of all modules of the package that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name in dotted_names()}


@cache
def dotted_names() -> dict[str, Path]:
    names = {}
    for path in MODULES:
        parts = path.relative_to(PROJECT).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def private_names_used(tree: ast.Module) -> set[str]:
    """Names with a leading underscore that belong to something else: an import, or an attribute of no ``self``."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names if is_private(alias.name)}
        elif isinstance(node, ast.Attribute) and is_private(node.attr):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            found |= {node.attr} if owner not in ("self", "cls") else set()
    return found


def is_private(name: str) -> bool:
    """Whether a name begins with an underscore; those that end in one, too, are Python's and IPython's protocols."""
    return name.startswith("_") and not name.endswith("_")


# How much.


def test_each_room_keeps_its_size() -> None:
    sizes = Counter()
    for path in MODULES:
        room = room_of(path)
        sizes["modules" if room == "live" else room] += len(code_lines(path))
    assert {room: sizes[room] for room, limit in LIMITS.items() if sizes[room] > limit} == {}


@every_module
def test_files_and_functions_are_short(path: Path) -> None:
    exercises = room_of(path) == "exercises" and path.stem[1:].isdigit()
    assert len(code_lines(path)) <= (LINES_OF_EXERCISES if exercises else LINES_A_FILE)
    long = {
        function.name: lines
        for function in functions_in(path)
        if (lines := len(code_lines(path) & set(range(function.lineno, function.end_lineno + 1)))) > LINES_A_FUNCTION
    }
    assert long == {}


@every_module
def test_functions_take_few_parameters_and_have_names(path: Path) -> None:
    for function in functions_in(path):
        arguments = function.args
        names = [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        assert len([name for name in names if name not in ("self", "cls")]) <= PARAMETERS, function.name
        assert function.name.strip("_"), f"line {function.lineno}: a function without a name"


# Who imports whom.


def test_every_module_has_its_place_in_the_order() -> None:
    files = {path.stem for path in MODULES if room_of(path) == "modules"}
    assert files | {"handwriting"} == {"__init__", *ORDER}


@pytest.mark.parametrize("name", ORDER)
def test_modules_import_only_what_stands_left_of_them(name: str) -> None:
    own, paths = f"mnist_lr_helpers.{name}", sorted(PACKAGE.glob(f"{name}.py")) or sorted((PACKAGE / name).glob("*.py"))
    allowed = {f"mnist_lr_helpers.{left}" for left in ORDER[: ORDER.index(name)]} | {"mnist_lr_helpers", own}
    for path in paths:
        assert {one for one in imported_names(path) if not one.startswith(f"{own}.")} <= allowed, path


def test_the_rooms_import_in_one_direction() -> None:
    """modules ← exercises, course ← reproduction; only the command line, in ``course``, knows the studies."""
    for path in MODULES:
        rooms = {
            name.split(".")[1] for name in imported_names(path) if name.count(".") and name.split(".")[1] in LIMITS
        } - {"handwriting"}  # it has its place among the modules
        if room_of(path) in ("modules", "exercises") and path.stem != "__main__":
            assert rooms == set(), path
        if room_of(path) == "course" and path.stem != "command":
            assert "reproduction" not in rooms, path


def test_no_imports_go_round_in_a_circle() -> None:
    known = dotted_names()
    graph = {name: imported_names(path) - {name, name.rpartition(".")[0]} for name, path in known.items()}
    assert list(TopologicalSorter(graph).static_order())  # raises CycleError


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_use_public_names_and_no_production_command(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse("".join(cell["source"]))
        assert private_names_used(tree) == set()
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert not [node.module for node in imports if node.module.startswith("mnist_lr_helpers.course")]


# What nobody may touch.


@every_module
def test_no_private_name_of_another_file_or_library_is_used(path: Path) -> None:
    assert private_names_used(tree_of(path)) == set()
    assert "torch.ops" not in path.read_text(encoding="utf-8")


# What Windows, or Windows and macOS, do without.
POSIX = {"sched_getaffinity", "fork", "setsid", "killpg", "getuid", "geteuid", "getloadavg", "nice", "uname", "mkfifo"}
POSIX |= {"setitimer", "alarm", "pause", "SIGALRM", "SIGKILL", "SIGHUP", "SIGUSR1", "resource", "fcntl", "pwd"}


@every_module
def test_what_not_every_system_has_is_asked_for_first(path: Path) -> None:
    """In the same function, by ``sys.platform`` or ``hasattr``; answers are tried where processes split off alone."""
    if path.stem == "trial":
        return
    guarded = {node for f in functions_in(path) if {"platform", "hasattr"} & names_in(f) for node in ast.walk(f)}
    for node in ast.walk(tree_of(path)):
        if node not in guarded:
            assert not POSIX & names_of(node), f"line {node.lineno}: {ast.unparse(node)}"


def names_in(function: ast.FunctionDef) -> set[str]:
    return set().union(*map(names_of, ast.walk(function)))


def names_of(node: ast.AST) -> set[str]:
    """The name that a piece of code stands for, an attribute's or an import's."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.name for alias in node.names} | {getattr(node, "module", "")}
    return {getattr(node, "attr", ""), getattr(node, "id", "")}


@cache
def defined() -> frozenset[str]:
    """The names of all functions and classes of the package."""
    return frozenset(node.name for module in MODULES for node in ast.walk(tree_of(module)) if hasattr(node, "name"))


@pytest.mark.parametrize("path", sorted((PROJECT / "tests").rglob("*.py")), ids=lambda path: path.name)
def test_tests_and_benchmarks_use_public_names_of_the_package(path: Path) -> None:
    private = {name for name in private_names_used(tree_of(path)) if name != "_exit"}
    assert private & defined() == set()
