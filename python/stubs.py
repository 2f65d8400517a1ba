"""Writes the stubs of the modules with functions that return a pair where errors do not raise.

``python stubs.py`` writes them, ``python stubs.py --check`` tells whether they are as written.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent / "source" / "diagonet"
MODULES = ("_bias", "_design", "_law", "_reference", "_training")


def is_private(node: ast.stmt) -> bool:
    """Whether other modules do not see a definition."""
    return (
        isinstance(node, ast.FunctionDef)
        and node.name.startswith("_")
        and not node.name.startswith("__")
    )


def without_body(node: ast.FunctionDef) -> ast.FunctionDef:
    """The signature of a function, with its decorators that matter to types."""
    node.body = [ast.Expr(ast.Constant(...))]
    node.decorator_list = [
        decorator
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Name) and decorator.id != "documented"
    ]
    return node


def overloads(node: ast.FunctionDef) -> list[ast.stmt]:
    """A function once for each kind of return value."""
    keywords = [argument.arg for argument in node.args.kwonlyargs]
    if "on_error" not in keywords or node.name.startswith("_"):
        return [without_body(node)]
    assert node.returns is not None
    answer, place = ast.unparse(node.returns), keywords.index("on_error")
    made: list[ast.stmt] = []
    for choice, returned in (("raise", answer), ("nan", f"tuple[{answer}, Messages]")):
        copy = ast.parse(ast.unparse(node)).body[0]
        assert isinstance(copy, ast.FunctionDef)
        copy = without_body(copy)
        copy.args.kwonlyargs[place].annotation = ast.parse(f"Literal[{choice!r}]").body[0].value  # type: ignore[attr-defined]
        if choice == "nan":
            copy.args.kw_defaults[place] = None
        copy.returns = ast.parse(returned).body[0].value  # type: ignore[attr-defined]
        copy.decorator_list = [ast.Name("overload")]
        made.append(copy)
    return made


def class_stub(node: ast.ClassDef) -> ast.ClassDef:
    """A class with its fields and the signatures of its methods."""
    body: list[ast.stmt] = []
    for own in node.body:
        if isinstance(own, ast.AnnAssign):
            body.append(own)
        elif isinstance(own, ast.FunctionDef):
            body += overloads(own)
    node.body = body
    return node


def stub(module: str) -> str:
    """The text of a stub."""
    tree = ast.parse((PACKAGE / f"{module}.py").read_text())
    body: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            body.append(node)
        elif isinstance(node, ast.ClassDef):
            body.append(class_stub(node))
        elif isinstance(node, ast.FunctionDef) and not is_private(node):
            body += overloads(node)
        elif isinstance(node, ast.AnnAssign):
            node.value = ast.Constant(...)
            body.append(node)
    text = ast.unparse(ast.Module(body, []))
    head = ["from typing import Literal, overload"]
    if "Messages" in text and "import Messages" not in text:
        head.append("from ._arrays import Messages")
    future = "from __future__ import annotations\n"
    return (
        f'"""Written by stubs.py."""\n{future}'
        + "\n".join(head)
        + text.replace(future.strip(), "")
        + "\n"
    )


def main() -> int:
    """Writes or checks all stubs."""
    texts = {PACKAGE / f"{module}.pyi": stub(module) for module in MODULES}
    if "--check" in sys.argv:
        stale = [
            path.name
            for path, text in texts.items()
            if not path.exists() or path.read_text() != text
        ]
        if stale:
            print("not as stubs.py writes them:", ", ".join(stale))
        return int(bool(stale))
    for path, text in texts.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
