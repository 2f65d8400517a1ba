"""The best initialization over overlap and density, and what it gains over equal layers."""

import matplotlib.pyplot as plt
import numpy as np
from _style import bar, save

import diagonet as dn

overlaps, densities = np.linspace(0.0, 1.0, 15), np.logspace(-2, -0.4, 11)
task = dn.Task(densities[:, None], densities[:, None], overlaps)
# Twice as many samples as active features.
best = dn.best_initialization(task, 2.0 * densities[:, None], 0.01)
figure, axes = plt.subplots(1, 2, figsize=(9.0, 3.6), sharey=True)
for axis, values, title in (
    (axes[0], np.log10(best.lambda_gap), r"best $\log_{10}(1 + \lambda)$"),
    (axes[1], np.log10(best.gain), r"$\log_{10}$ of the gain over equal layers"),
):
    image = axis.contourf(overlaps, densities, values, levels=12, cmap="cividis")
    bar(figure, image, axis)
    axis.set(title=title, xlabel=r"overlap $\omega$", yscale="log")
axes[0].set_ylabel(r"density $\rho_{PT} = \rho_{FT}$")
save(figure, "best_initialization_map")
