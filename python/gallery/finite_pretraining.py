"""How many pretraining samples are worth what, with and without rebalanced paths.

Anguita et al. 2026 (arXiv:2602.20062), Proposition 4.2 in both stages.
"""

import matplotlib.pyplot as plt
import numpy as np
from _style import save

import diagonet as dn

task = dn.Task(
    0.1, 0.1, 0.9, pretraining_prior="gaussian", pretraining_magnitude=10**0.5, correlation=0.9
)
initialization = dn.Initialization(1e-3, lambda_gap=0.1)
ratios = np.linspace(0.05, 0.95, 30)
figure, axis = plt.subplots()
for protocol, line, colour in (("rebalanced", "-", "#0072B2"), ("continued", "--", "#D55E00")):
    stages = dn.transfer(
        task,
        initialization,
        0.25,
        0.01,
        pretraining_sample_ratio=ratios,
        pretraining_noise_variance=0.01,
        protocol=protocol,
    )
    axis.semilogy(ratios, stages.error, line, color=colour, label=f"fine-tuning, {protocol}")
axis.semilogy(ratios, stages.pretraining_error, "-.", color="#009E73", label="pretraining")
axis.axhline(stages.from_scratch[0], color="0.5", linewidth=1.0, label="from scratch")
axis.set(
    xlabel=r"pretraining sample ratio $\alpha_{PT}$",
    ylabel="generalization error",
)
axis.legend()
save(figure, "finite_pretraining")
