"""Learning curves of the four regimes on three tasks.

Anguita et al. 2026 (arXiv:2602.20062), section 6.
"""

from typing import Literal, get_args

import matplotlib.pyplot as plt
import numpy as np
from _style import COLOURS, LINES, save

import diagonet as dn

Regime = Literal["I", "II", "III", "IV"]
ratios = np.linspace(0.02, 0.7, 120)
figure, axes = plt.subplots(1, 3, figsize=(9.0, 3.2), sharey=True)
for axis, overlap in zip(axes, [1.0, 0.8, 0.0]):
    task = dn.Task(0.1, 0.1, overlap)
    for regime in get_args(Regime):
        errors = dn.learning_curve(task, dn.Initialization.of_regime(regime), ratios)
        axis.semilogy(ratios, errors, LINES[regime], color=COLOURS[regime], label=regime)
    scratch = dn.learning_curve(task, dn.Initialization(1e-3), ratios, pretrained=False)
    axis.semilogy(ratios, scratch, color="0.6", linewidth=1.0, label="from scratch")
    axis.set(title=f"overlap {overlap:g}", xlabel=r"sample ratio $\alpha$", ylim=(1e-5, 2.0))
axes[0].set_ylabel("generalization error")
axes[2].legend(title="regime", fontsize=8, loc="lower left")
save(figure, "regime_curves")
