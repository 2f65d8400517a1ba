"""The triangle of regimes, with the paths that each knob takes through it.

Anguita et al. 2026 (arXiv:2602.20062), section 4.
"""

from typing import Literal, get_args

import matplotlib.pyplot as plt
import numpy as np
from _style import COLOURS, save

import diagonet as dn

Regime = Literal["I", "II", "III", "IV"]
figure, axis = plt.subplots(figsize=(5.6, 4.4))
axis.fill([1, 2, 2], [0, -1, 0], color="0.94")
gaps, readouts, scales = (
    np.logspace(-9, 0.301, 200),
    np.logspace(-4, 2, 200),
    np.logspace(-8, 3, 200),
)
paths = {
    r"$1 + \lambda$ from $10^{-9}$ to 2": (dn.Initialization(1e-3, lambda_gap=gaps), "-", "k"),
    r"$\gamma$ from $10^{-4}$ to 100, at $\lambda = 0$": (
        dn.Initialization(1e-3, 0.0, readouts),
        "--",
        "0.35",
    ),
    r"$c$ from $10^{-8}$ to 1000, at $\lambda = 0$": (dn.Initialization(scales), ":", "0.35"),
}
for label, (knobs, line, colour) in paths.items():
    bias = dn.inductive_bias(knobs)
    axis.plot(bias.l_order, bias.pretraining_dependence, line, color=colour, label=label)
for regime in get_args(Regime):
    bias = dn.inductive_bias(dn.Initialization.of_regime(regime))
    axis.plot(bias.l_order, bias.pretraining_dependence, "o", color=COLOURS[regime], markersize=8)
    axis.annotate(
        regime, (bias.l_order, bias.pretraining_dependence), (7, 5), textcoords="offset points"
    )
axis.set(
    xlabel=r"l-order  $\partial \log q / \partial \log |\beta_{FT}|$",
    ylabel=r"pretraining dependence  $\partial \log q / \partial \log |\beta_{PT}|$",
    xlim=(0.97, 2.08),
    ylim=(-1.05, 0.09),
)
axis.legend(loc="lower left", fontsize=8)
save(figure, "triangle")
