"""Recovery thresholds of sparse tasks without noise.

Donoho and Tanner 2009 (arXiv:0906.2530) for the l1 norm, Khajehnejad et al. 2009 (arXiv:0901.2912) for weights;
Krzakala et al. 2012 (arXiv:1109.4424) for the Bayes-optimal learner.
"""

import matplotlib.pyplot as plt
import numpy as np
from _style import save

import diagonet as dn

densities = np.linspace(0.005, 0.5, 80)
task = dn.Task(densities, densities, 0.8)
figure, axis = plt.subplots(figsize=(5.6, 4.0))
for cost, line, colour in ((1.0, "-", "#0072B2"), (3.0, "--", "#009E73"), (10.0, "-.", "#D55E00")):
    name = "l1 norm (Donoho and Tanner)" if cost == 1.0 else f"new features {cost:g} times as dear"
    axis.plot(densities, dn.recovery_threshold(task, cost), line, color=colour, label=name)
few = dn.Task(densities[::4], densities[::4], 0.8)
bayes = dn.bayes_threshold(few)
axis.plot(densities[::4], bayes.message_passing, "k-", linewidth=1.0, label="message passing")
axis.plot(densities[::4], bayes.information_theoretic, "k:", linewidth=1.0, label="any learner")
axis.set(
    xlabel=r"density $\rho$, overlap 0.8",
    ylabel=r"samples for exact recovery, $\alpha_c$",
    xlim=(0, 0.5),
    ylim=(0, 1),
)
axis.legend(fontsize=8)
save(figure, "recovery_thresholds")
