"""From the kernel regime to the rich one, without pretraining.

Woodworth et al. 2020 (arXiv:2002.09277), figure 1: the scale of the initialization decides whether gradient
flow ends at the l2 or at the l1 norm, and with it how many samples a sparse task needs.
"""

import matplotlib.pyplot as plt
import numpy as np
from _style import save

import diagonet as dn

scales = np.logspace(-12, 3, 120)
task = dn.Task(0.05, 0.05, 1.0)
figure, axes = plt.subplots(1, 2, figsize=(9.0, 3.4))
for ratio, line, colour in ((0.1, ":", "#D55E00"), (0.2, "--", "#009E73"), (0.4, "-", "#0072B2")):
    errors = dn.error(task, dn.Initialization(scales), ratio, pretrained=False)
    axes[0].loglog(scales, errors, line, color=colour, label=rf"$\alpha = {ratio}$")
    limit = dn.error(task, dn.Initialization(1.0), ratio, pretrained=False, estimator="lazy")
    axes[0].plot(scales[-1], limit, "o", color=colour, markersize=4)
axes[0].set(xlabel="scale $c$", ylabel="generalization error", ylim=(1e-6, 2.0))
axes[0].legend(title="dots: least l2 norm")
for target, line, colour in ((0.1, "-", "#0072B2"), (0.01, "--", "#009E73")):
    needed = dn.required_samples(task, dn.Initialization(scales), target, pretrained=False)
    axes[1].semilogx(scales, needed, line, color=colour, label=f"error {target}")
axes[1].axhline(dn.recovery_threshold(task), color="0.5", linewidth=1.0, label="recovery by l1")
axes[1].set(xlabel="scale $c$", ylabel=r"samples needed, $\alpha$", ylim=(0.0, 1.05))
axes[1].legend()
save(figure, "kernel_to_rich")
