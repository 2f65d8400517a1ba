"""The programs of both READMEs run."""

from __future__ import annotations

import os
import re
from pathlib import Path

import matplotlib
import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("path", [ROOT / "README.md", ROOT.parent / "README.md"])
def test_programs_run(path: Path, tmp_path: Path) -> None:
    matplotlib.use("Agg")
    programs = re.findall(r"^```python\n(.*?)^```", path.read_text(), flags=re.S | re.M)
    assert programs
    names: dict[str, object] = {}
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        for program in programs:
            exec(compile(program, str(path), "exec"), names)
    finally:
        os.chdir(before)


def test_the_regime_curves_take_six_lines() -> None:
    for path in (ROOT / "README.md", ROOT.parent / "README.md"):
        program = re.search(r"^```python\n(.*?)^```", path.read_text(), flags=re.S | re.M)
        assert program is not None and len(program[1].splitlines()) == 6


def test_the_gallery_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    scripts = sorted(path.stem for path in (ROOT / "gallery").glob("[a-z]*.py"))
    assert len(scripts) == 8
    for script in scripts:
        assert f"gallery/{script}.py" in text
        figure = ROOT / "gallery" / "figures" / f"{script}.svg"
        assert figure.stat().st_size < 100_000 and f"gallery/figures/{script}.svg" in text
