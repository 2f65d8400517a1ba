"""Linear probe against fine-tuning, over overlap and samples."""

import matplotlib.pyplot as plt
import numpy as np
from _style import bar, save

import diagonet as dn

initialization = dn.Initialization(0.1, -0.5)
overlaps, ratios = np.linspace(0.0, 1.0, 41), np.linspace(0.02, 0.9, 40)[:, None]
task = dn.Task(0.2, 0.1, overlaps)
protocols = {
    "probe_kept": ("linear probe", "#D55E00", "--"),
    "rebalanced": ("fine-tuning, rebalanced", "#0072B2", "-"),
    "continued": ("fine-tuning, continued", "#009E73", "-."),
}
figure, axes = plt.subplots(1, 2, figsize=(9.0, 3.6))
curve = np.linspace(0.02, 0.9, 80)
for protocol, (label, colour, line) in protocols.items():
    errors = dn.learning_curve(
        dn.Task(0.2, 0.1, 0.8), initialization, curve, 0.05, protocol=protocol
    )
    axes[0].semilogy(curve, errors, line, color=colour, label=label)
axes[0].set(xlabel=r"sample ratio $\alpha$", ylabel="generalization error", title="overlap 0.8")
axes[0].legend(fontsize=8)
probe, tuned = (
    dn.error(task, initialization, ratios, 0.05, protocol=name)
    for name in ("probe_kept", "rebalanced")
)
advantage = np.log10(probe / tuned)
image = axes[1].contourf(
    overlaps, ratios[:, 0], advantage, levels=np.linspace(-0.6, 0.6, 13), cmap="PuOr"
)
axes[1].contour(overlaps, ratios[:, 0], advantage, levels=[0.0], colors="k", linewidths=1.0)
bar(figure, image, axes[1], r"$\log_{10}$ (probe / fine-tuning)")
axes[1].set(xlabel=r"overlap $\omega$", ylabel=r"sample ratio $\alpha$", title="who errs less")
save(figure, "probe_or_finetune")
