"""Double descent, and the penalty that removes it.

Hastie et al. 2022 (arXiv:1903.08560); Dobriban and Wager 2018 (arXiv:1507.03003).
"""

import matplotlib.pyplot as plt
import numpy as np
from _style import save

import diagonet as dn

task, initialization = dn.Task(0.2, 0.2, 1.0), dn.Initialization(1.0)
ratios = np.concatenate([np.linspace(0.05, 0.99, 60), np.linspace(1.01, 3.0, 80)])
figure, axis = plt.subplots()
ends = dn.error(task, initialization, ratios, 0.25, pretrained=False, estimator="lazy")
axis.semilogy(ratios, ends, color="#D55E00", label="least l2 norm, then least squares")
for estimator, line, colour in (("lazy", "-", "#0072B2"), ("rich", "--", "#009E73")):
    best = dn.best_penalty(
        task, initialization, ratios, 0.25, pretrained=False, estimator=estimator
    )
    name = "ridge" if estimator == "lazy" else "LASSO"
    axis.semilogy(ratios, best.error, line, color=colour, label=f"{name}, best penalty")
bayes = dn.bayes_error(task, ratios, 0.25, pretrained=False)
axis.semilogy(ratios, bayes.message_passing, "k:", linewidth=1.0, label="Bayes-optimal")
axis.set(xlabel=r"sample ratio $\alpha$", ylabel="generalization error", ylim=(0.02, 20))
axis.legend()
save(figure, "double_descent")
