"""What the figures share."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure

#: Colours of the four regimes, which survive colour blindness (Okabe and Ito) and grey print.
COLOURS = {"I": "#0072B2", "II": "#D55E00", "III": "#E69F00", "IV": "#009E73"}
#: Lines of the four regimes.
LINES = {"I": "-", "II": "--", "III": ":", "IV": "-."}

FIGURES = Path(__file__).parent / "figures"

plt.rcParams.update(
    {
        "figure.figsize": (6.0, 3.8),
        "figure.constrained_layout.use": True,
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "lines.linewidth": 1.6,
        "legend.frameon": False,
        "svg.hashsalt": "diagonet",
        # Text as text: small files, and fonts of the reader.
        "svg.fonttype": "none",
        "savefig.dpi": 150,
    }
)


def bar(figure: Figure, map_: QuadContourSet, axis: Axes, label: str = "") -> None:
    """Adds the scale of a map, of which the colours are one image: between shapes there are seams."""
    map_.set_rasterized(True)
    scale = figure.colorbar(map_, ax=axis, label=label)
    assert scale.solids is not None
    scale.solids.set_rasterized(True)


def save(figure: Figure, name: str) -> None:
    """Writes a figure, which must be smaller than 100 kB."""
    FIGURES.mkdir(exist_ok=True)
    path = FIGURES / f"{name}.svg"
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    size = path.stat().st_size
    assert size < 100_000, f"{path} has {size} bytes"
    print(f"{path.name}: {size / 1000:.0f} kB")
