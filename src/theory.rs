//! The theory: one table of symbols, and the formulas in the order of their derivation.
//!
//! Each section states what the crate computes, why it is so, and which item computes it. Formulas are
//! rendered on docs.rs; elsewhere they read as written, in TeX.
//!
//! # Symbols
//!
//! | symbol | name here | domain | section |
//! |---|---|---|---|
//! | `$D$`, `$N$` | numbers of coordinates and of samples | to infinity | [network](#network) |
//! | `$\alpha = N/D$` | [`Samples::sample_ratio`] | [1e-300, 1e300] | [network](#network) |
//! | `$\sigma^2$` | [`Samples::noise_variance`] | [0, 1e300] | [network](#network) |
//! | `$w_\pm$`, `$v_\pm$` | [`Weights`]: first layer and readout of both paths | [-1e150, 1e150] | [network](#network) |
//! | `$\beta$` or `$b$` | coefficient of a coordinate | [-1e300, 1e300] | [network](#network) |
//! | `$w_0$`, `$v_0$` | [`Initialization::first_layer`], [`Initialization::readout`] | 0, [1e-150, 1e150] | [network](#network) |
//! | `$c$` | [`Initialization::absolute_scale`], [`CoordinateGroup::scale`] | 0, [1e-300, 1e300] | [network](#network) |
//! | `$\lambda$` | [`Initialization::relative_scale`]; `$1 + \lambda$` is [`Initialization::lambda_gap`] | [-1, 1] | [network](#network) |
//! | `$\xi$` or `$t$` | `$\operatorname{asinh}(b/c)$` | real | [network](#network) |
//! | `$q_c(b)$` | [`Penalty::value`] | at least 0 | [implicit bias](#implicit-bias) |
//! | `$b_0$` | [`CoordinateGroup::start`] | [-1e150, 1e150] | [implicit bias](#implicit-bias) |
//! | `$\kappa$` | [`Solver::with_explicit_penalty`] | [0, 1e300] | [implicit bias](#implicit-bias) |
//! | `$\gamma$` | [`ScaleMap::readout_scale`] | 0, [1e-153, 1e150] | [scale map](#scale-map) |
//! | `$c_{PT}$`, `$\lambda_{PT}$`, `$\beta_{PT}$` | scales and coefficient of pretraining | as `$c$`, `$\lambda$`, `$\beta$` | [scale map](#scale-map) |
//! | `$c_{FT}$` | [`ScaleMap::fine_tuning_scale`] | at least 0 | [scale map](#scale-map) |
//! | `$\varsigma$` | [`ScaleMap::log_sensitivity`] | [0, 1] | [scale map](#scale-map) |
//! | `$l$` | [`InductiveBias::l_order`], [`Penalty::l_order`] | [1, 2] | [regimes](#regimes) |
//! | `$PD$` | [`InductiveBias::pretraining_dependence`] | [-1, 0] | [regimes](#regimes) |
//! | `$\rho_{PT}$`, `$\rho_{FT}$` | [`Supports::pretraining_density`], [`Supports::fine_tuning_density`] | [0, 1] | [tasks](#tasks) |
//! | `$\omega$` | [`Supports::overlap`] | [0, 1] | [tasks](#tasks) |
//! | `$q$` (without index) | [`Task::correlation`] | [-1, 1] | [tasks](#tasks) |
//! | `$B$` | true coefficient, of the distribution [`Prior`] | random | [law](#law-of-one-coordinate) |
//! | `$p_g$` | [`CoordinateGroup::weight`] | [0, 1] | [law](#law-of-one-coordinate) |
//! | `$m_g$`, `$v_g$` | [`Prior::mean`], [`Prior::variance`] | [-1e150, 1e150], [0, 1e300] | [law](#law-of-one-coordinate) |
//! | `$r$` | [`Law::reachable_fraction`] | [0, 1] | [law](#law-of-one-coordinate) |
//! | `$F$` | mean square of the coefficients on frozen coordinates | at least 0 | [law](#law-of-one-coordinate) |
//! | `$z = B + s Z$` | observation of one coordinate | real | [state evolution](#state-evolution) |
//! | `$s^2$` | [`FixedPoint::effective_noise_variance`] | at least 0 | [state evolution](#state-evolution) |
//! | `$\theta$` | [`FixedPoint::effective_penalty`] | at least 0 | [state evolution](#state-evolution) |
//! | `$E$` | [`Solution::generalization_error`] | at least 0 | [state evolution](#state-evolution) |
//! | `$a_g$` | response of a group in the lazy limit | [0, 1] | [closed forms](#closed-forms) |
//! | `$V_g$` | mean square of the coefficients of a group less their start | at least 0 | [closed forms](#closed-forms) |
//! | `$w_g$` | [`rich_weights`](crate::rich_weights) | (0, 1e300] | [closed forms](#closed-forms) |
//! | `$\alpha_c$` | [`RecoveryThreshold::sample_ratio`] | [0, 1] | [recovery](#recovery) |
//! | `$k_g$` | [`CoordinateGroup::penalty_weight`] | [1e-150, 1e150] | [structured inputs](#structured-inputs) |
//! | `$\Lambda_g$` | [`CoordinateGroup::input_variance`], [`Task::input_variance`] | [1e-150, 1e150] | [structured inputs](#structured-inputs) |
//! | `$M(s^2)$` | error of the posterior mean, `BayesOptimal` | at least 0 | [reference lines](#reference-lines) |
//!
//! # Network
//!
//! The network has `$D$` coordinates. Each has two paths, and each path has two weights:
//!
//! `$$ \beta = w_+ v_+ - w_- v_-, $$`
//!
//! with the first layer `$w$` and the readout `$v$`. The [`Samples`] are `$N$` pairs of an input and a
//! label,
//!
//! `$$ y = X \beta^\star + \varepsilon, \qquad X_{ij} \sim N(0, 1/D), \qquad
//! \varepsilon_i \sim N(0, \sigma^2). $$`
//!
//! Gradient flow on `$\lVert y - X\beta \rVert^2 / 2$` moves the weights of a coordinate by the
//! negative gradient `$g$` of the loss in its coefficient, `$g = X_d^\top (y - X\beta)$`:
//!
//! `$$ \dot w_\pm = \pm g v_\pm, \qquad \dot v_\pm = \pm g w_\pm . $$`
//!
//! The sums `$w_+ + v_+$` and `$w_- - v_-$` therefore grow as `$e^G$`, and the differences
//! `$w_+ - v_+$` and `$w_- + v_-$` decay as `$e^{-G}$`, where `$G = \int g$`. With the initial values
//!
//! `$$ A_+ = (w_+ + v_+)^2 + (w_- - v_-)^2, \qquad A_- = (w_+ - v_+)^2 + (w_- + v_-)^2, $$`
//!
//! the coefficient is
//!
//! `$$ \beta = \tfrac14 \left( A_+ e^{2G} - A_- e^{-2G} \right) = c \sinh(\xi_0 + 2G), \qquad
//! c = \tfrac12 \sqrt{A_+ A_-} . $$`
//!
//! The coefficient therefore depends on the four initial weights through two numbers only: the scale
//! `$c$` and the coefficient `$c \sinh \xi_0$` at the start.
//!
//! An [`Initialization`] has equal paths, `$w_\pm = w_0$` and `$v_\pm = v_0$`, and so `$\beta = 0$`.
//! Its scales are
//!
//! `$$ c = w_0^2 + v_0^2, \qquad \lambda = (w_0^2 - v_0^2)/c . $$`
//!
//! Along gradient flow, `$w_+^2 - v_+^2$` and `$w_-^2 - v_-^2$` stay at `$\lambda c$`, and
//! `$w_+ w_- + v_+ v_-$` stays at `$c$` ([`Weights::conserved`]). With
//! `$\xi = \operatorname{asinh}(\beta/c)$`, the weights are explicit in the current coefficient
//! ([`Initialization::weights`]):
//!
//! `$$ w_\pm = w_0 \cosh\tfrac{\xi}{2} \pm v_0 \sinh\tfrac{\xi}{2}, \qquad
//! v_\pm = v_0 \cosh\tfrac{\xi}{2} \pm w_0 \sinh\tfrac{\xi}{2} . $$`
//!
//! # Implicit bias
//!
//! The previous section gives `$\operatorname{asinh}(\beta_d/c_d) - \xi_{0,d} = 2 X_d^\top \nu$` with
//! one vector `$\nu$` for all coordinates, the integral of the residual. At zero loss, this is the
//! stationarity condition of a constrained minimum with the multiplier `$\nu$`:
//!
//! `$$ \hat\beta = \operatorname{argmin} \sum_d q_{c_d}(\beta_d) \quad
//! \text{subject to} \quad X\beta = y, \qquad q_c'(b) = \tfrac12 \operatorname{asinh}(b/c) . $$`
//!
//! Integration from 0 gives the [`Penalty`]
//!
//! `$$ q_c(b) = \frac c2 \left[ 1 - \sqrt{1 + (b/c)^2} + \frac bc \operatorname{asinh} \frac bc
//! \right] . $$`
//!
//! It is strictly convex, so that the minimum is unique. It is homogeneous of degree one in `$(b, c)$`.
//! Its limits are the two classical norms:
//!
//! `$$ q_c(b) \to \frac{b^2}{4c} \quad (c \to \infty, \text{ lazy}), \qquad q_c(b) \to \frac{|b|}{2}
//! \left( \log\frac{2|b|}{c} - 1 \right) \quad (c \to 0, \text{ rich}) . $$`
//!
//! At `$c = 0$` both paths are at zero, and the coordinate is frozen: `$\beta_d = 0$`.
//!
//! Training that starts at a coefficient `$b_0$` minimizes the Bregman divergence from it,
//! `$q_c(b) - q_c(b_0) - q_c'(b_0)(b - b_0)$`, in place of the penalty. Training with an explicit
//! penalty minimizes `$\lVert y - X\beta \rVert^2/2 + \kappa \sum_d q_{c_d}(\beta_d)$`; gradient flow
//! is its limit `$\kappa \to 0$`.
//!
//! The mirror map of the penalty is `$b = c \sinh t$`, `$q_c'(b) = t/2$`: both are explicit in `$t$`.
//! The numerics below rest on this.
//!
//! # Scale map
//!
//! Between the stages, [`Protocol::Rebalanced`](crate::Protocol::Rebalanced) sets both first-layer
//! weights to the sum `$w_+ + w_- = 2 w_0 \cosh(\xi/2)$` of the pretrained ones, and both readouts to
//! `$\gamma/\sqrt2$`. The coefficient is 0 again, and `$c = w^2 + v^2$` gives the scale of fine-tuning,
//! the [`ScaleMap`]:
//!
//! `$$ c_{FT} = c_{PT} (1 + \lambda_{PT}) \left( 1 + \sqrt{1 + (\beta_{PT}/c_{PT})^2} \right) +
//! \frac{\gamma^2}{2} . $$`
//!
//! A coordinate that pretraining used has a larger scale than one that it did not use. The strength of
//! the effect is the log-sensitivity
//!
//! `$$ \varsigma = \frac{d \log c_{FT}}{d \log |\beta_{PT}|} = \frac{c_{PT} (1 +
//! \lambda_{PT})}{c_{FT}} \frac{(\beta_{PT}/c_{PT})^2}{\sqrt{1 + (\beta_{PT}/c_{PT})^2}} \in [0, 1] . $$`
//!
//! [`Protocol::Continued`](crate::Protocol::Continued) changes no weight: the scale stays `$c_{PT}$`,
//! and training starts at `$b_0 = \beta_{PT}$`. Any other change of weights between stages enters by
//! the scale and the start of the [first section](#network), too.
//!
//! # Protocols
//!
//! A [`Protocol`](crate::Protocol) is what is done to the four weights between two stages. Training sees of it
//! the scale and the start of the [first section](#network) only, in the weights as they are then
//! ([`Weights::scale_and_start`]):
//!
//! `$$ c = \tfrac12 \sqrt{\left[ (w_+ + v_+)^2 + (w_- - v_-)^2 \right] \left[ (w_+ - v_+)^2 + (w_- +
//! v_-)^2 \right]}, \qquad b_0 = w_+ v_+ - w_- v_- . $$`
//!
//! With the weights of pretraining and `$H = \sqrt{c_{PT}^2 + \beta_{PT}^2}$` this gives the closed forms.
//! Factors `$a$` of the first layer and `$b$` of the readout, for instance, give
//!
//! `$$ c = \tfrac12 \sqrt{\left[ (a^2 + b^2) c_{PT} + (a^2 - b^2) \lambda_{PT} H \right]^2 + (a^2 -
//! b^2)^2 (1 - \lambda_{PT}^2) \beta_{PT}^2}, \qquad b_0 = a b \beta_{PT} . $$`
//!
//! Learning rates of ratio `$r$` of readout to first layer are such a rescaling: in the weights
//! `$w/\sqrt{\eta_w}$` and `$v/\sqrt{\eta_v}$` the flow has equal rates, so that `$a = r^{1/4}$` and
//! `$b = 1/a$`, up to a factor of time.
//!
//! Where one layer is frozen, the coefficient is linear in the other, and gradient flow ends at the
//! interpolator that is nearest to the start in the metric of the frozen weights. This is weighted l2 for
//! every `$c$`, with the scale `$w_+^2 + w_-^2$` of a probe, or `$v_+^2 + v_-^2$` of a frozen readout, and the
//! [closed form](#closed-forms) with `$V_g = v_g + (m_g - b_{0,g})^2$` is exact.
//!
//! An adapter trains a new branch of scale `$a_0^2$` beside the frozen network. Its penalty is least at
//! `$\beta_{PT}$` ([`CoordinateGroup::centre`]).
//!
//! [`Solver::rank_protocols`] compares protocols on one task; [`ProtocolBias`](crate::ProtocolBias) has their
//! exponents, with the displacement `$b - b_0$` in place of the coefficient.
//!
//! # Regimes
//!
//! The [`InductiveBias`] of a feature `$(\beta_{PT}, \beta_{FT})$` is a pair of exponents of its
//! penalty. With `$x = \beta_{FT}/c_{FT}$`,
//!
//! `$$ l = \frac{d \log q}{d \log |\beta_{FT}|} = \frac{x \operatorname{asinh} x}{1 -
//! \sqrt{1 + x^2} + x \operatorname{asinh} x}, \qquad PD = \frac{d \log q}{d
//! \log |\beta_{PT}|} = (1 - l) \varsigma . $$`
//!
//! The second equation is the homogeneity of `$q$`: its exponents in `$b$` and in `$c$` sum to 1. From
//! `$1 \le l \le 2$` and `$0 \le \varsigma \le 1$` follows `$1 \le l + PD \le 2$`. The pairs fill a
//! triangle, and its corners are the pure regimes:
//!
//! | regime | corner `$(l, PD)$` | norm | reached by |
//! |---|---|---|---|
//! | I, rich, independent of pretraining | (1, 0) | l1 | `$\lambda_{PT} \to -1$` and `$\gamma \to 0$` |
//! | II, lazy, dependent on pretraining | (2, -1) | l2 weighted by `$1/\lvert\beta_{PT}\rvert$` | `$c_{PT} \to 0$` and `$\lambda_{PT} \to 1$` |
//! | III, lazy, independent of pretraining | (2, 0) | l2 | `$c_{PT} \to \infty$` or `$\gamma \to \infty$` |
//! | IV, between the corners | | between I and II: sparse, and reuses features | `$\lambda_{PT}$` between -1 and 0 at small `$c_{PT}$` |
//!
//! The barycentric coordinates of a point are `$2 - l$`, `$-PD$` and `$l + PD - 1$`
//! ([`InductiveBias::coordinates`]). A point has the name of a corner where its coordinate on that
//! corner is at least 0.8 ([`InductiveBias::regime_at`] takes another threshold), and is in regime IV
//! elsewhere.
//!
//! The price of a new feature against a reused one is the ratio of marginal penalties at equal
//! magnitude ([`InductiveBias::feature_price`]):
//!
//! `$$ \frac{q_{c_0}'(b)}{q_{c_1}'(b)} =
//! \frac{\operatorname{asinh}(b/c_0)}{\operatorname{asinh}(b/c_1)} \ge 1, \qquad
//! c_0 = c_{FT}(0), \quad c_1 = c_{FT}(\beta_{PT}) . $$`
//!
//! [`InductiveBias::realize`] inverts the map: given `$(l, PD)$` and `$c_{PT}$`, it returns
//! `$\lambda_{PT}$` and `$\gamma$`.
//!
//! # Tasks
//!
//! Coordinates are independent. Pretraining uses a coordinate with probability `$\rho_{PT}$` and
//! fine-tuning with probability `$\rho_{FT}$`; pretraining used the fraction `$\omega$` of the
//! fine-tuning support. This makes four classes ([`FeatureClass`](crate::FeatureClass), [`Supports`]):
//!
//! | class | probability |
//! |---|---|
//! | shared | `$\omega \rho_{FT}$` |
//! | new | `$(1 - \omega) \rho_{FT}$` |
//! | pretraining only | `$\rho_{PT} - \omega \rho_{FT}$` |
//! | none | `$1 - \rho_{PT} - (1 - \omega) \rho_{FT}$` |
//!
//! A [`Task`] adds the distributions of the active coefficients, each a [`Mixture`](crate::Mixture) of
//! Gaussians and atoms. A shared coefficient may be correlated with that of pretraining, whose root
//! mean square is `$R$`:
//!
//! `$$ \beta_{FT} = m + \sqrt v \left[ q \frac{\beta_{PT}}{R} + \sqrt{1 - q^2} \zeta \right], \qquad
//! \zeta \sim N(0, 1) . $$`
//!
//! # Law of one coordinate
//!
//! The error depends on network and tasks by one object only: the [`Law`] of a single coordinate. It is
//! a mixture of [groups](CoordinateGroup). A coordinate is in group `$g$` with probability `$p_g$`. Its
//! true coefficient is then `$B \sim N(m_g, v_g)$`, its scale is `$c_g$`, and its training starts at
//! `$b_{0,g}$`. [`Law::fine_tuning`] has one group for every component of every class;
//! [`Law::from_scratch`] has the same classes with one scale. A law may also be written down by hand.
//!
//! The reachable fraction is the probability of a coordinate that can move, and the frozen signal is
//! the mean square of the coefficients on the others:
//!
//! `$$ r = \sum_{c_g > 0} p_g, \qquad F = \sum_{c_g = 0} p_g (v_g + m_g^2) . $$`
//!
//! # State evolution
//!
//! Let `$D \to \infty$` at fixed `$\alpha$`, with an explicit penalty `$\kappa$`. Take one coordinate
//! out, solve for the others, and put it back. Three facts about the others then suffice.
//!
//! 1. They respond linearly to it, and absorb a part of what it adds to the residual. The rest gives
//!    the coordinate the loss `$\mu (b - z)^2/2 + \kappa q_c(b)$` with
//!    `$\mu = \alpha - \mathbb E [db/dz]$`, the number of samples less the degrees of freedom, per
//!    coordinate. The effective penalty is `$\theta = \kappa/\mu$`.
//! 2. It is observed once, as `$z = B + s Z$` with `$Z \sim N(0, 1)$`, because the residual is a sum of
//!    many small terms.
//! 3. The residual of a sample that training has not seen has the variance `$\sigma^2 + E$`. Training
//!    shrinks it by the factor `$\mu/\alpha$`. A sum over `$N$` samples, divided by `$\mu$`, has the
//!    variance `$(\sigma^2 + E)/\alpha$`.
//!
//! The result is the [`FixedPoint`], two equations in `$s^2$` and `$\theta$`:
//!
//! `$$ b(z) + \theta k_g \left[ q_c'(b(z)) - q_c'(b_0) \right] = z, \qquad z = B + s Z, $$`
//!
//! `$$ \theta \left( \alpha - \mathbb E \left[ \frac{db}{dz} \right] \right) = \kappa, \qquad s^2 =
//! \frac{\sigma^2 + E}{\alpha}, \qquad E = \mathbb E \left[ (b - B)^2 \right] . $$`
//!
//! Expectations run over `$Z$`, the priors and the groups; frozen groups have `$b = 0$`. Gradient flow
//! to zero loss is `$\kappa = 0$` with `$\theta > 0$`, which needs `$\alpha < r$`. The generalization
//! error
//!
//! `$$ E = \lVert \hat\beta - \beta^\star \rVert^2 / D = \sum_g p_g E_g $$`
//!
//! is the excess test error on a fresh input `$x \sim N(0, I/D)$`. [`Solver::solve`] returns it with
//! its parts `$E_g$`, in a [`Solution`]. The argument above is proved for convex separable penalties by
//! approximate message passing (Bayati and Montanari) and by the Gaussian min-max theorem
//! (Thrampoulidis, Oymak and Hassibi).
//!
//! ## Derivatives
//!
//! At the root `$R(x, \pi) = 0$` of both equations, `$x = (\log s^2, \log\theta)$`, the state moves
//! with any parameter `$\pi$` by `$dx = -(\partial_x R)^{-1} \partial_\pi R \ d\pi$`.
//! [`Solution::sensitivities`] returns the derivatives of error and state in all parameters by one pass
//! over the groups.
//!
//! ## Quadrature
//!
//! Inside of a group, `$\mathbb E [B \mid z]$` is linear in `$z$`. With `$S^2 = v + s^2$`, one integral
//! over `$z \sim N(m, S^2)$` is left:
//!
//! `$$ E_g = \frac{v s^2}{S^2} + \mathbb E_z \left[ \left( m + \frac{v}{S^2} (z - m) - b(z) \right)^2
//! \right] . $$`
//!
//! The mirror map makes it explicit. With `$b = c \sinh t$` and `$h = \theta k/2$`,
//!
//! `$$ z(t) = c \sinh t + h (t - t_0), \qquad dz = (c \cosh t + h) dt, \qquad
//! \mathbb E \left[ \frac{db}{dz} \right] = \int c \cosh t \ \phi_{m,S}(z(t)) \ dt, $$`
//!
//! with the normal density `$\phi_{m,S}$`. The integrand is analytic and decays double-exponentially in
//! `$t$`, so that the trapezoidal rule converges geometrically. One evaluation takes about a hundred
//! nodes at scales next to the signal. Derivatives in `$s^2$` and `$\theta$` come in the same pass, and
//! Newton's method in `$(\log s^2, \log\theta)$` finds the fixed point. Nested brackets take over where
//! it fails, because the fixed point is a saddle point of a concave-convex problem.
//!
//! # Closed forms
//!
//! *Least squares*, `$\alpha \ge r$`, `$\kappa = 0$`. The solution is unique, so that the penalty plays
//! no part ([`ordinary_least_squares`](crate::ordinary_least_squares)):
//!
//! `$$ E = \frac{\alpha F + r \sigma^2}{\alpha - r} . $$`
//!
//! It diverges at `$\alpha = r$` unless both `$\sigma^2$` and `$F$` are 0.
//!
//! *Lazy limit*, all scales to infinity at fixed ratios ([`weighted_l2`](crate::weighted_l2)). The
//! penalty is `$k_g b^2/(4 c_g)$`, and the response to `$z - b_0$` is a constant `$a_g$`. With
//! `$t = \theta/2$` and `$V_g = v_g + (m_g - b_{0,g})^2$`,
//!
//! `$$ a_g = \frac{c_g}{c_g + k_g t}, \qquad \sum_g p_g a_g = \alpha, \qquad s^2 =
//! \frac{\sigma^2 + F + \sum_g p_g (1 - a_g)^2 V_g}{\sum_g p_g a_g (1 - a_g)}, $$`
//!
//! `$$ E_g = (1 - a_g)^2 V_g + a_g^2 s^2 , $$`
//!
//! with sums over groups that can move. Equal scales and penalty weights give
//! [`minimum_l2`](crate::minimum_l2), with `$V = \sum_g p_g V_g$`:
//!
//! `$$ E = (1 - \alpha/r) V + F + \frac{\alpha (\sigma^2 + F)}{r - \alpha} . $$`
//!
//! At finite scales the difference falls as `$1/c^2$`, and [`Solution::difference_bound`] bounds it.
//!
//! *Rich limit*, all scales to 0 ([`weighted_l1`](crate::weighted_l1)). The marginal penalty
//! `$\operatorname{asinh}(b/c_g)/2$` becomes a constant on each side of 0, and `$b(z)$` a soft
//! threshold at `$\theta k_g w_g$`. The weights are `$w_g = \operatorname{asinh}(\bar B/c_g)$` with the
//! root mean square `$\bar B$` of the active coefficients ([`rich_weights`](crate::rich_weights)). For
//! `$B \sim N(0, v)$`, `$u = \theta k_g w_g/S$` and `$P = \operatorname{erfc}(u/\sqrt2)$`,
//!
//! `$$ \mathbb E \left[ \frac{db}{dz} \right] = P, \qquad E_g = v - 2 v P + S^2 \left[ (1 + u^2) P - u
//! \sqrt{2/\pi} \ e^{-u^2/2} \right] . $$`
//!
//! The difference falls as `$1/\log(1/c)$` only: at `$c$` = 1e-100, one to three thousandths of the
//! error are left.
//!
//! With `$\kappa > 0$` the two limits are ridge regression and LASSO, by the same responses and
//! `$\theta (\alpha - \mathbb E [db/dz]) = \kappa$`. An [`ElasticNet`](crate::ElasticNet) of curvature
//! `$\eta$` divides the soft threshold by `$1 + \theta k_g w_g \eta$`.
//!
//! # Training in steps
//!
//! Weight decay of strength `$\kappa_w(t)$` in all weights shrinks the conserved quantities of the
//! [first section](#network) by `$e^{-2 \int \kappa_w dt}$` and leaves `$\xi$` to the gradient: training ends where
//! flow from the smaller scale does, from a start that has shrunk with it. A step of size `$\eta$` with the
//! pull `$p_d$` in coordinate `$d$` multiplies them by exactly `$1 - (\eta p_d)^2$`. Batches of `$n$` samples have the
//! mean square pull `$r^2/(nD)$` in every coordinate, where `$r^2$` is the mean square residual, label noise of
//! variance `$\delta^2$` included. Every step also lowers the divergence `$\mathbb E [D_q(b, b_0)]$` from the end of
//! training by `$\eta r^2/D$` to first order, so that the sum over steps is known without following them. An
//! [`Optimizer`](crate::Optimizer) therefore has an effective scale:
//!
//! `$$ \ln \frac{c}{c_\infty} = \frac \eta n \mathbb E [D_q(b, b_0)] + \frac{\eta^2 \delta^2}{n}
//! \frac KD + 2 \int \kappa_w dt . $$`
//!
//! The expectation is that of the fixed point at `$c_\infty$`. The divergence is `$D_{q_c}$` where scales shrink at
//! the end of training, `$D_{q_{c_\infty}}$` where they shrink at its start. To second order, a step lowers the
//! divergence by `$1 - (\eta/n) \mathbb E \sqrt{c^2 + b^2}$` of that only, so that the sum over steps, and with it
//! both terms of noise, are larger by the inverse. [`Solver::effective_scale`] returns the bracket that these
//! make.
//!
//! # Recovery
//!
//! Without noise, the rich limit recovers every coefficient from `$\alpha_c$` samples a coordinate on.
//! For small `$s$`, an active coefficient is far beyond its threshold and has the error
//! `$s^2 (1 + (u w_g)^2)$`, with the threshold `$u w_g$` in units of `$s$`. A zero has the error of a
//! thresholded normal variable. Their sum is `$s^2 M(u)$`. The state evolution contracts to 0 where
//! `$M(u) < \alpha$`, so that ([`RecoveryThreshold`])
//!
//! `$$ \alpha_c = \min_u \left\lbrace \sum_{g \text{ active}} p_g (1 + u^2 w_g^2) + \sum_{g
//! \text{ zero}} p_g \left[ (1 + u^2 w_g^2) \operatorname{erfc} \frac{u w_g}{\sqrt2} - u w_g
//! \sqrt{\frac 2\pi} e^{-u^2 w_g^2/2} \right] \right\rbrace . $$`
//!
//! The values of the active coefficients do not matter. Pretraining lowers `$\alpha_c$` by smaller
//! weights of shared features ([`RecoveryThreshold::of_supports`]).
//!
//! # Two stages
//!
//! Pretraining on finite data is a training problem of its own, with one scale `$c_{PT}$` and its own
//! `$\alpha_{PT}$` and `$\sigma_{PT}^2$`. Its fixed point gives the law of the pretrained coefficient:
//!
//! `$$ \beta_{PT} + \frac{\theta_{PT}}{2} \operatorname{asinh} \frac{\beta_{PT}}{c_{PT}} = z_{PT},
//! \qquad z_{PT} = B_{PT} + s_{PT} Z_{PT} . $$`
//!
//! Given `$z_{PT}$`, scale and start of fine-tuning are constants, and the true coefficients of both
//! tasks are Gaussian. A [`Transfer`] puts a quadrature over `$z_{PT}$`; each node is a group of the
//! law of fine-tuning. The data of the two stages are independent, so that this law enters the fixed
//! point of fine-tuning as any other. Unlimited data, and noiseless data with `$\alpha_{PT} \ge 1$`,
//! give `$\beta_{PT} = B_{PT}$`. Noisy data with `$\alpha_{PT} > 1$` give `$\beta_{PT} = z_{PT}$` with
//! `$s_{PT}^2 = \sigma_{PT}^2/(\alpha_{PT} - 1)$`.
//!
//! What [`Statistics`](crate::Statistics) report are expectations at the same fixed point:
//!
//! - forgetting, `$\mathbb E [(b - \beta_{PT})^2]$`: the distance from the pretrained coefficients;
//! - pretraining error, `$\mathbb E [(b - B_{PT})^2]$`: the error of the coefficients on the pretraining
//!   task after fine-tuning;
//! - discovery rate, `$P(|b| > \text{cut})$`: a Gaussian tail, because `$b$` rises with `$z$`.
//!
//! [`InitializationDesign`](crate::InitializationDesign) minimizes the error over `$c_{PT}$`,
//! `$\lambda_{PT}$` and `$\gamma$`.
//!
//! # Sequences
//!
//! A stage takes the joint law of weights and coefficients to another one (`Sequence`, with the feature
//! `quadrature`). Let `$B_t = \sum_j a_j B_j / \sum_j a_j$` be the target of stage `$t$`, with the weights
//! `$a_j$` of the losses of the tasks `$j$`. Given the observations of the stages before it, a coordinate has known weights, and hence
//! a known scale `$c_t$` and start `$b_{t,0}$`, and its coefficients in all tasks are jointly Gaussian. The law of
//! the stage therefore has a group for every history, and the fixed point of that law gives
//!
//! `$$ b_t + \frac{\theta_t}{2} \left[ \operatorname{asinh} \frac{b_t}{c_t} - \operatorname{asinh}
//! \frac{b_{t,0}}{c_t} \right] = z_t, \qquad z_t = B_t + s_t Z_t . $$`
//!
//! The observation updates mean and covariance of the coefficients by linear regression, because `$(B_1, B_2,
//! \dots, z_t)$` are jointly Gaussian given the history. The new coefficient turns the weights: `$w_+ + v_+$` and
//! `$w_- - v_-$` grow by `$e^\tau$` and `$w_+ - v_+$` and `$w_- + v_-$` fall by it, with
//!
//! `$$ e^{2\tau} = \frac{b_t + \sqrt{c_t^2 + b_t^2}}{b_{t,0} + \sqrt{c_t^2 + b_{t,0}^2}} . $$`
//!
//! The error on task `$j$` after stage `$t$` is `$\mathbb E [(b_t - B_j)^2]$`. Forgetting, unlearning (a target of
//! zero) and relearning are entries of this matrix.
//!
//! *Nodes.* Each observation is integrated by the [quadrature](#quadrature) of one group. All four errors of
//! its rule fall as `$e^{-36/f}$` with the factor `$f$` of its steps, so that they are squared where `$f$`
//! is halved. The product of two integrals is kept as it is. Where more follow, nodes of close weights
//! and means are merged to four at most, with the moments that decide the error to fourth order in the
//! width of a cell. This keeps their number bounded and the time linear in the number of stages. The report
//! says what error they leave (`SequenceSolution::node_error`).
//!
//! # Structured inputs
//!
//! Inputs of coordinates may have unequal variances, `$x_j \sim N(0, \Lambda_j/D)$`
//! ([`CoordinateGroup::with_input_variance`]). With `$\tilde b = \sqrt\Lambda b$` they have unit variance,
//! and homogeneity gives
//!
//! `$$ q_c(b) = \frac{1}{\sqrt\Lambda} q_{\sqrt\Lambda c} \left( \tilde b \right) . $$`
//!
//! A group may have `$k_g$` times the penalty ([`CoordinateGroup::with_penalty_weight`]). An input variance
//! is the prior of `$\sqrt\Lambda B$`, scale `$\sqrt\Lambda c$`, start `$\sqrt\Lambda b_0$` and
//! `$k = 1/\sqrt\Lambda$`. Noise and penalty are those of `$\tilde b$`; divided by `$\Lambda$`, they are
//! those of `$b$` itself,
//!
//! `$$ b + \frac{\theta}{\Lambda} \left[ q_c'(b) - q_c'(b_0) \right] = B + \frac{s}{\sqrt\Lambda} Z . $$`
//!
//! The lazy response is `$a = c \Lambda/(c \Lambda + k t)$`, and the threshold of the rich limit
//! `$\theta w/\Lambda$`. Two errors follow: the excess error on fresh inputs, `$\Lambda \mathbb E [(b -
//! B)^2]$`, which enters the fixed point ([`Solution::generalization_error`]), and the error of the
//! coefficients ([`Solution::parameter_errors`]). Conserved quantities do not depend on the inputs, and so
//! neither do [scale map](#scale-map) and protocols. In [two stages](#two-stages), each class of a [`Task`]
//! has its variance in both; pretraining tells classes of different variances apart.
//!
//! With `$\Lambda_j \sim j^{-a}$` and coefficient variances `$v_j \sim j^{-b}$`, errors are powers of the
//! number of samples ([`Law::power_law`]). For `$1 \ll N \ll D$`, the lazy response is about 1 up to
//! `$j \approx N$`. What is beyond adds `$\sum_{j > N} j^{-a-b} \sim N^{1-a-b}$`, and what the response lacks
//! below adds `$\sum_{j < N} j^{-a-b} (j/N)^{2a}$`, which is `$N^{-2a}$` where `$b > a + 1$`: the exponent
//! of equal scales is `$\min(a + b - 1, 2a)$`.
//!
//! A covariance `$\Sigma$` that is not diagonal needs another theory. The penalty is a sum over coordinates
//! and `$\Sigma$` is not, so that a coordinate is no function of one observation. The fixed point then has a
//! vector of observations, `$z = \beta^\star + s \Sigma^{-1/2} Z$`, and the estimate minimizes
//! `$\frac 12 (b - z)^\top \Sigma (b - z) + \theta \sum_d q_{c_d}(b_d)$` over all coordinates at once. Error
//! and response, `$E = \frac 1D \mathbb E [(b - \beta^\star)^\top \Sigma (b - \beta^\star)]$` and the mean
//! trace of the derivative of `$b$`, are averages over solutions of this problem: by sampling at finite
//! `$D$`, by message passing where `$\Sigma$` couples few coordinates, or in closed form in the lazy limit,
//! where the estimate is linear. Where `$\Sigma$` is diagonal in a basis that is known, and the network is
//! built in that basis, the theory here holds.
//!
//! # Reference lines
//!
//! The Bayes-optimal learner knows the prior and what pretraining told of each coordinate. Its scalar
//! estimator is the posterior mean, and no penalty is left to be found (`BayesOptimal`):
//!
//! `$$ s^2 = \frac{\sigma^2 + M(s^2)}{\alpha}, \qquad M(s^2) = \sum_k P_k \, \mathbb E \left[
//! \Lambda_k (B - \mathbb E [B | z])^2 \right], \qquad z = B + \frac{s}{\sqrt{\Lambda_k}} Z, $$`
//!
//! over classes `$k$` of coordinates that it cannot tell apart. The posterior mean has the least mean square
//! error of all functions of `$z$`, whatever `$s^2$`; a larger `$s^2$` gives a larger error; and so the largest
//! root is below the error of any separable estimator, networks included. Message passing reaches it. The
//! root that minimizes the potential
//!
//! `$$ \sum_k P_k I(B; z) + \frac \alpha 2 \left[ \ln \left( 1 + \frac{M}{\sigma^2} \right) -
//! \frac{M}{\sigma^2 + M} \right] $$`
//!
//! is what any learner can reach; where it is smaller, the problem is hard. Without noise, these are the
//! thresholds `$\alpha_{IT} = P(B \text{ is no atom})$` and `$\alpha_{AMP} = \sup_s M(s^2)/s^2$`.
//!
//! The price of implicit bias is the error over that of message passing
//! (`BayesSolution::price_of`).
//!
//! Ridge regression, LASSO and elastic net are [closed forms](#closed-forms) with an explicit penalty
//! `$\kappa$`, which [`Solver::best_explicit_penalty`] tunes. A lazy network with `$\kappa = 2 \sigma^2$` and
//! scales in proportion to the signal, `$c_g \propto V_g$`, has the response `$a_g = V_g/(V_g + s^2)$`: it is
//! the best linear estimator ([`Law::with_matched_scales`], [`Task::matched_scale_ratio`]). Regime II follows
//! this rule as far as pretrained coefficients tell the signal.
//!
//! At finite size the error has a known law for one estimator only, the interpolator of least l2 norm
//! (`FiniteSizeLaw` of the feature `simulation`): the row space of Gaussian inputs is uniform, and the share
//! of the signal that it sees follows `$\text{Beta}(N/2, (D - N)/2)$`.
//!
//! # Accuracy
//!
//! Each function has a budget, by name where it is a constant, and the tests hold it:
//!
//! | quantity | budget |
//! |---|---|
//! | [`Penalty`], its derivative, curvature, order and proximal map | [`Penalty::ULPS`], 8 units in the last place |
//! | [`Initialization::weights`] | [`Initialization::WEIGHTS_ACCURACY`], 1e-14 relative |
//! | [`InductiveBias`] and its inverse | 4e-15 absolute |
//! | generalization error of a [`Law`] | [`Solver::ACCURACY`], 1e-10 relative |
//! | error of a group at the state of its solution | [`GroupError::ACCURACY`](crate::GroupError::ACCURACY), 1e-10 relative |
//! | generalization error of a [`Transfer`], in the number of nodes | 1e-9 relative |
//! | errors of a `Sequence` of more than two stages, in the number of nodes | 1e-4 relative, or as set |
//! | scale and start of a [`Protocol`](crate::Protocol) | 1e-14 relative |
//! | shrinkage of [`Solver::effective_scale`] | 1e-10 relative |
//!
//! The budgets bound the numerical error of the asymptotic formula. At a finite number of coordinates
//! the error fluctuates between draws by about `$1/\sqrt D$`, and next to a recovery threshold its mean
//! is biased, too. The cargo feature `simulation` measures both.
//!
//! # Sources
//!
//! - Network, scale map, regimes, generalization error: Anguita, Locatello, Saxe, Mondelli, Mancini,
//!   Lippl, Dominé 2026, *A Theory of How Pretraining Shapes Inductive Bias in Fine-Tuning*,
//!   arXiv:2602.20062, whose `$k$` is `$4 c^2$`.
//! - Implicit bias and mirror map: Woodworth et al. 2020, arXiv:2002.09277; Azulay et al. 2021,
//!   arXiv:2102.09769.
//! - Protocols: Azulay et al. 2021; Kunin et al. 2024, arXiv:2406.06158. Sequences: Evron et al. 2022,
//!   arXiv:2205.09588; Goldfarb et al. 2024, arXiv:2401.12617.
//! - Training in steps: Pesme et al. 2021, arXiv:2106.09524; Even et al. 2023, arXiv:2302.08982; Jacobs et al.
//!   2025, arXiv:2504.12883.
//! - Order of the penalty: Lippl and Lindsey 2024, arXiv:2310.02396.
//! - State evolution: Bayati and Montanari 2012, arXiv:1008.2581; Thrampoulidis, Oymak and Hassibi
//!   2015.
//! - Least squares and l2 norms: Hastie et al. 2022, arXiv:1903.08560; Wu and Xu 2020,
//!   arXiv:2006.05800.
//! - Reference lines: Krzakala et al. 2012, arXiv:1109.4424; Barbier et al. 2016, arXiv:1607.02335; Reeves and
//!   Pfister 2016, arXiv:1607.02524.
//! - Scaling laws: Bordelon, Canatar and Pehlevan 2020, arXiv:2002.02561; Cui et al. 2021, arXiv:2105.15004.
//! - Recovery: Donoho and Tanner 2009, arXiv:0906.2530; Khajehnejad et al. 2009, arXiv:0901.2912;
//!   Donoho, Maleki and Montanari 2009, arXiv:0907.3574.

#[cfg(doc)]
use crate::{
    CoordinateGroup, FixedPoint, InductiveBias, Initialization, Law, Penalty, Prior,
    RecoveryThreshold, Samples, ScaleMap, Solution, Solver, Supports, Task, Transfer, Weights,
};
