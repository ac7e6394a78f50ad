"""Prints the mutants of a module, as mutmut makes them: a JSON list. Run where mutmut is installed.

mutmut leaves decorated functions alone, since it keeps all mutants of a function side by side in one file. Here each
mutant is a file of its own, so decorators are hidden from mutmut while it looks, as comments, and nothing is left out.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import libcst as cst
from mutmut.mutation.file_mutation import create_mutations, deep_replace

HIDDEN = "# hidden: "


def hide_decorators(code: str) -> str:
    """The code with its decorators turned into comments."""
    lines = code.splitlines(keepends=True)
    for node in ast.walk(ast.parse(code)):
        for decorator in getattr(node, "decorator_list", []):
            for number in range(decorator.lineno - 1, decorator.end_lineno):
                lines[number] = HIDDEN + lines[number]
    return "".join(lines)


def function_at(number: int, tree: ast.Module) -> str:
    """The name of the innermost function or class around a line, as ``Class.method``; empty outside of all."""
    names, inside = [], tree.body
    while inside:
        around = [node for node in inside if node.lineno <= number <= node.end_lineno]
        names += [node.name for node in around if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        inside = [child for node in around for child in ast.iter_child_nodes(node) if hasattr(child, "lineno")]
    return ".".join(names)


def nodes_of(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """This node and all below it."""
    yield node
    for child in node.children:
        yield from nodes_of(child)


def changed_lines(old: list[str], new: list[str]) -> tuple[int, str, str]:
    """The number of the first line that differs, and what stands there before and after, on one line each."""
    same = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False))))
    ends = zip(reversed(old[same:]), reversed(new[same:]), strict=False)
    same_at_end = len(list(takewhile(lambda pair: pair[0] == pair[1], ends)))
    before, after = (" ".join(map(str.strip, lines[same : len(lines) - same_at_end])) for lines in (old, new))
    return same + 1, before, after


def mutants(path: Path) -> Iterator[dict[str, str]]:
    """Each mutant of a module once: its function, its line before and after, and its whole code."""
    code = path.read_text(encoding="utf-8")
    module, mutations, *_ = create_mutations(str(path), hide_decorators(code))
    # The code of each statement of the module: only the one that is mutated is written anew, which is much faster.
    written = [module.code_for_node(statement) for statement in module.body]
    start, end = ("".join(map(module.code_for_node, lines)) for lines in (module.header, module.footer))
    place_of = {id(node): place for place, statement in enumerate(module.body) for node in nodes_of(statement)}
    tree, made = ast.parse(code), {code}
    for mutation in mutations:
        place = place_of[id(mutation.original_node)]
        replaced = deep_replace(module.body[place], mutation.original_node, mutation.mutated_node)
        whole = [start, *written[:place], module.code_for_node(replaced), *written[place + 1 :], end]
        mutated = re.sub(f"^{HIDDEN}", "", "".join(whole), flags=re.MULTILINE)
        if mutated not in made:
            made.add(mutated)
            number, before, after = changed_lines(code.splitlines(), mutated.splitlines())
            yield {"function": function_at(number, tree), "before": before, "after": after, "code": mutated}


if __name__ == "__main__":
    print(json.dumps(list(mutants(Path(sys.argv[1])))))
