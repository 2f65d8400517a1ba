"""Types and stubs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONFIGURATION = ["--config-file", str(ROOT / "pyproject.toml")]


def run(*command: str) -> None:
    """Runs a module, which must succeed."""
    result = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_stubs_are_as_written() -> None:
    run("stubs.py", "--check")


def test_stubs_and_tests_have_their_types() -> None:
    run("-m", "mypy", *CONFIGURATION, "source/diagonet", "stubs.py", "tests", "gallery", "bench")


def test_bodies_have_their_types(tmp_path: Path) -> None:
    package = tmp_path / "diagonet"
    shutil.copytree(ROOT / "source" / "diagonet", package, ignore=shutil.ignore_patterns("*.so"))
    for stub in package.glob("*.pyi"):
        if stub.name != "_core.pyi":
            stub.unlink()
    run("-m", "mypy", *CONFIGURATION, str(package))


def test_stubs_are_those_of_the_package() -> None:
    stubs = sorted(path.stem for path in (ROOT / "source" / "diagonet").glob("*.pyi"))
    modules = [f"diagonet.{stub}" for stub in stubs]
    options = ["--ignore-disjoint-bases", "--mypy-config-file", "pyproject.toml"]
    run("-m", "mypy.stubtest", *modules, *options)
