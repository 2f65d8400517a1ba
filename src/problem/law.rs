//! The law of a single coordinate: the one object that the fixed point needs.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::label::GroupLabel;
use crate::network::initialization::Initialization;
use crate::network::scale_map::ScaleMap;
use crate::numerics::sum::CompensatedSum;
use crate::problem::component::Component;
use crate::problem::pretrained::Pretrained;
use crate::problem::prior::Prior;
use crate::problem::task::Task;

/// A group of statistically equal coordinates.
///
/// # Formula
///
/// A coordinate belongs to the group with probability `p`. Its true coefficient then follows the
/// [prior](Prior), its absolute scale is `c`, and its training starts at the coefficient `b0`, where
/// - `p`: [weight](Self::weight), in [0, 1];
/// - `c`: [scale](Self::scale), 0 (frozen at zero) or in [1e-307, 1e307];
/// - `b0`: [start](Self::start), in [-1e150, 1e150], 0 unless set;
/// - `o`: [centre](Self::centre) of the penalty, in [-1e150, 1e150], 0 unless set: what a frozen part of
///   the network contributes;
/// - `k`: [penalty weight](Self::penalty_weight), in [1e-150, 1e150], 1 unless set: the penalty of the
///   group is `k q_c(b - o)`;
/// - `Lambda`: [input variance](Self::input_variance), in [1e-150, 1e150], 1 unless set: inputs of the
///   group are `N(0, Lambda/D)`.
///
/// Training that starts at `b0` minimizes the Bregman divergence of the
/// [penalty](crate::Penalty) from it, `q_c(b) - q_c(b0) - q_c'(b0) (b - b0)` for `o = 0`, in place of the
/// penalty itself.
///
/// Derivation: [theory](crate::theory#law-of-one-coordinate). Source: Woodworth et al. 2020
/// (arXiv:2002.09277); Azulay et al. 2021 (arXiv:2102.09769), for starts other than zero.
///
/// # Examples
///
/// ```
/// use diagonet::{CoordinateGroup, GroupLabel, Prior};
///
/// let active = CoordinateGroup::new("active", 0.1, Prior::gaussian(0.0, 10.0)?, 1e-6)?;
/// assert_eq!(active.label(), &GroupLabel::from("active"));
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(
        try_from = "crate::representation::CoordinateGroup",
        into = "crate::representation::CoordinateGroup"
    )
)]
pub struct CoordinateGroup {
    label: GroupLabel,
    weight: f64,
    prior: Prior,
    scale: f64,
    start: f64,
    centre: f64,
    penalty_weight: f64,
    input_variance: f64,
    /// Unit of its quantities: its own coefficients are 1/unit times those here. 1 unless
    /// [whitened](Self::whitened).
    unit: f64,
    pretrained: Option<Pretrained>,
    mirrored: bool,
    /// Whether it represents neighbours that are active, where it is not active itself.
    among_active: bool,
}

impl CoordinateGroup {
    /// A group with its label, probability, prior and absolute scale.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a weight outside [0, 1], or a scale outside 0 or [1e-307, 1e307];
    /// within [`Error::InGroup`], as all errors of a group.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{CoordinateGroup, Prior};
    /// assert!(CoordinateGroup::new("half", 0.5, Prior::ZERO, 1.0).is_ok());
    /// assert!(CoordinateGroup::new("too much", 1.5, Prior::ZERO, 1.0).is_err());
    /// ```
    pub fn new(
        label: impl Into<GroupLabel>,
        weight: f64,
        prior: Prior,
        scale: f64,
    ) -> Result<Self> {
        let label = label.into();
        let checked = Domain::PROBABILITY
            .check("weight", weight)
            .and_then(|_| Domain::SCALE.check("scale", scale));
        checked.map_err(|error| error.in_group(&label))?;
        Ok(Self {
            label,
            weight,
            prior,
            scale,
            start: 0.0,
            centre: 0.0,
            penalty_weight: 1.0,
            input_variance: 1.0,
            unit: 1.0,
            pretrained: None,
            mirrored: false,
            among_active: false,
        })
    }

    /// The same group, with training that starts at the coefficient `start`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a start outside [-1e150, 1e150], and for a start other than 0 at
    /// scale 0: such a coordinate is not frozen, but moves in proportion to itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{CoordinateGroup, Prior};
    ///
    /// let continued = CoordinateGroup::new("continued", 0.5, Prior::ZERO, 1.0)?.with_start(2.0)?;
    /// assert_eq!(continued.start(), 2.0);
    /// assert!(CoordinateGroup::new("frozen", 0.5, Prior::ZERO, 0.0)?.with_start(2.0).is_err());
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_start(self, start: f64) -> Result<Self> {
        let domain =
            if self.scale > 0.0 { Domain::COEFFICIENT } else { Domain::ZERO.when("at scale 0") };
        domain.check("start", start).map_err(|error| error.in_group(&self.label))?;
        Self { start, ..self }.checked("start", start)
    }

    /// The same group, with a penalty that is least at `centre`: that of a branch of the network beside a
    /// frozen part, which contributes `centre` to the coefficient.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a centre outside [-1e150, 1e150].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// use diagonet::{CoordinateGroup, Law, Prior, Samples, Solver};
    ///
    /// // A frozen network at 2 and a branch at 0 are, of a coefficient of 2, all that is to be learned.
    /// let group = CoordinateGroup::new("frozen", 1.0, Prior::gaussian(2.0, 1.0)?, 0.1)?;
    /// let adapted = Law::new(vec![group.with_start(2.0)?.with_centre(2.0)?])?;
    /// let plain = Law::new(vec![CoordinateGroup::new("plain", 1.0, Prior::gaussian(0.0, 1.0)?, 0.1)?])?;
    /// let error = |law: &Law| Solver::new().solve(law, &Samples::new(0.4)?).map(|s| s.generalization_error());
    /// assert!((error(&adapted)? - error(&plain)?).abs() < 1e-10);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_centre(self, centre: f64) -> Result<Self> {
        Domain::COEFFICIENT.check("centre", centre).map_err(|error| error.in_group(&self.label))?;
        Ok(Self { centre, ..self })
    }

    /// The same group, with `k` times the penalty.
    ///
    /// # Formula
    ///
    /// ```text
    /// b + theta k [ q_c'(b) - q_c'(b0) ] = z
    /// ```
    ///
    /// where `k` is the penalty weight, in [1e-150, 1e150]. It multiplies the penalty of the group for
    /// every [estimator](crate::Estimator): the implicit penalty, its lazy and rich limits, and a
    /// weighted l1 norm. Without an explicit penalty, a factor that all groups share has no effect.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a penalty weight outside [1e-150, 1e150].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{CoordinateGroup, Law, Prior, Samples, weighted_l2};
    ///
    /// let law = |k| {
    ///     let costly = CoordinateGroup::new("costly", 0.5, Prior::ZERO, 1.0)?.with_penalty_weight(k)?;
    ///     Law::new(vec![CoordinateGroup::new("signal", 0.5, Prior::gaussian(0.0, 1.0)?, 1.0)?, costly])
    /// };
    /// let error = |k| weighted_l2(&law(k)?, &Samples::new(0.4)?).map(|r| r.generalization_error());
    /// // What is costly where there is no signal leaves the signal to the others.
    /// assert!(error(10.0)? < 0.5 * error(1.0)?);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_penalty_weight(self, penalty_weight: f64) -> Result<Self> {
        Domain::PENALTY_WEIGHT
            .check("penalty_weight", penalty_weight)
            .map_err(|error| error.in_group(&self.label))?;
        Self { penalty_weight, ..self }.checked("penalty_weight", penalty_weight)
    }

    /// The same group, with inputs of another variance.
    ///
    /// # Formula
    ///
    /// ```text
    /// x_j ~ N(0, Lambda/D),      error_g = Lambda E_g[(b - B)²]
    /// ```
    ///
    /// where `Lambda` is the input variance, in [1e-150, 1e150]. Prior, scale and start stay those of the
    /// coefficients themselves. As `q_c(b)` is homogeneous of degree one in `(b, c)`, the group is
    /// equivalent to one with inputs of unit variance and
    ///
    /// ```text
    /// sqrt(Lambda) B,    sqrt(Lambda) c,    sqrt(Lambda) b0,    k / sqrt(Lambda)
    /// ```
    ///
    /// in place of `B`, `c`, `b0` and the [penalty weight](Self::penalty_weight) `k`. In other words, its
    /// coefficients are observed with noise `s²/Lambda` under the penalty `theta k/Lambda`: the lazy
    /// response is `c Lambda/(c Lambda + k t)`, the threshold of the rich limit `theta k w/Lambda`.
    /// The products are rounded, so that a start within a few roundings of an atom is not told from it.
    /// Conserved quantities, and with them the
    /// [`ScaleMap`](crate::ScaleMap), do not depend on the inputs.
    ///
    /// Variances differ between coordinates, which are independent: the covariance of the inputs is
    /// diagonal. One with other eigenvectors couples the penalties of coordinates. The estimator of a
    /// coordinate is then no function of one observation, and no law of a single coordinate describes
    /// the problem.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for an input variance outside [1e-150, 1e150], or one that takes
    /// `sqrt(Lambda) B`, `sqrt(Lambda) c`, `sqrt(Lambda) b0` or `k/sqrt(Lambda)` out of the domain of the
    /// quantity that it multiplies.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{CoordinateGroup, Law, Prior, Samples, weighted_l2};
    ///
    /// let group = |name: &'static str, variance| {
    ///     CoordinateGroup::new(name, 0.5, Prior::gaussian(0.0, 1.0)?, 1.0)?.with_input_variance(variance)
    /// };
    /// let law = Law::new(vec![group("strong", 4.0)?, group("weak", 0.25)?])?;
    /// let solution = weighted_l2(&law, &Samples::new(0.5)?)?;
    /// // Strong features are learned better, and still make most of the test error.
    /// let parameters = solution.parameter_errors();
    /// assert!(parameters.of("strong") < parameters.of("weak"));
    /// assert!(solution.error_of("strong") > solution.error_of("weak"));
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_input_variance(self, input_variance: f64) -> Result<Self> {
        Domain::INPUT_VARIANCE
            .check("input_variance", input_variance)
            .map_err(|error| error.in_group(&self.label))?;
        Self { input_variance, ..self }.checked("input_variance", input_variance)
    }

    /// The group itself, if what the input variance multiplies stays in its domain; otherwise the
    /// parameter that was set is to blame.
    fn checked(self, parameter: &'static str, value: f64) -> Result<Self> {
        let root = self.input_variance.sqrt();
        let legal = Domain::COEFFICIENT.contains(root * self.prior.mean())
            && Domain::NON_NEGATIVE.contains(self.input_variance * self.prior.variance())
            && Domain::SCALE.contains(root * self.scale)
            && Domain::COEFFICIENT.contains(root * self.start)
            && Domain::PENALTY_WEIGHT.contains(self.penalty_weight / root);
        Domain::described("such that its product with the root of the input variance is legal")
            .check_if(legal, parameter, value)
            .map_err(|error| error.in_group(&self.label))?;
        Ok(self)
    }

    /// The same group, with the result of pretraining on its coordinates.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a covariance of the two tasks above the geometric mean of their
    /// variances.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{CoordinateGroup, Pretrained, Prior};
    ///
    /// let pretrained = Pretrained::new(0.8, Prior::gaussian(0.7, 0.1)?)?;
    /// let group = CoordinateGroup::new("reused", 1.0, Prior::gaussian(0.7, 0.1)?, 1.0)?;
    /// assert!(group.clone().with_pretrained(pretrained.with_covariance(0.1)?).is_ok());
    /// assert!(group.with_pretrained(pretrained.with_covariance(0.2)?).is_err());
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_pretrained(self, pretrained: Pretrained) -> Result<Self> {
        let deviations = [self.prior, pretrained.prior()].map(|prior| prior.variance().sqrt());
        let largest = deviations[0] * deviations[1] * (1.0 + 1e-12);
        Domain::closed(-largest, largest)
            .when("at most the geometric mean of the variances in magnitude")
            .check("covariance", pretrained.covariance())
            .map_err(|error| error.in_group(&self.label))?;
        Ok(Self { pretrained: Some(pretrained), ..self })
    }

    /// The same group together with its mirror image: half of its coordinates have the opposite sign of
    /// prior, start, centre and pretraining.
    ///
    /// Mean squares are equal in both halves, and one half stands for both; means cancel.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{CoordinateGroup, Prior};
    ///
    /// let signs = CoordinateGroup::new("random signs", 1.0, Prior::atom(1.0)?, 1.0)?.with_mirror_image();
    /// assert!(signs.is_mirrored());
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn with_mirror_image(self) -> Self {
        Self { mirrored: true, ..self }
    }

    /// Name of the group.
    #[must_use]
    pub fn label(&self) -> &GroupLabel {
        &self.label
    }

    /// Probability `p` of the group.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// Distribution of the true coefficient.
    #[must_use]
    pub fn prior(&self) -> Prior {
        self.prior
    }

    /// Absolute scale `c` of the group's coordinates.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Coefficient `b0` at which training starts.
    #[must_use]
    pub fn start(&self) -> f64 {
        self.start
    }

    /// Coefficient `o` at which the penalty is least.
    #[must_use]
    pub fn centre(&self) -> f64 {
        self.centre
    }

    /// Weight `k` of the group's penalty.
    #[must_use]
    pub fn penalty_weight(&self) -> f64 {
        self.penalty_weight
    }

    /// Variance `Lambda` of the group's inputs, in units of 1/D.
    #[must_use]
    pub fn input_variance(&self) -> f64 {
        self.input_variance
    }

    /// The result of pretraining on its coordinates, if there was pretraining.
    #[must_use]
    pub fn pretrained(&self) -> Option<Pretrained> {
        self.pretrained
    }

    /// Whether the group includes its [mirror image](Self::with_mirror_image).
    #[must_use]
    pub fn is_mirrored(&self) -> bool {
        self.mirrored
    }

    /// The equivalent group with inputs of unit variance, which sees the labels as this one does: the
    /// one place where an input variance enters.
    pub(crate) fn whitened(&self) -> Self {
        if self.input_variance == 1.0 {
            return self.clone();
        }
        let unit = self.input_variance.sqrt();
        Self {
            prior: self.prior.scaled(self.input_variance),
            scale: unit * self.scale,
            start: unit * self.start,
            centre: unit * self.centre,
            penalty_weight: self.penalty_weight / unit,
            input_variance: 1.0,
            unit,
            // The product of a small coefficient may be zero.
            among_active: self.is_active(),
            ..self.clone()
        }
    }

    /// Unit of the quantities of a [whitened](Self::whitened) group, in which its own coefficients are
    /// 1/unit times as large; 1 for others.
    pub(crate) fn unit(&self) -> f64 {
        self.unit
    }

    /// The same group as one node of a continuum of active coordinates: at a coefficient of zero, it
    /// stands for those next to it.
    pub(crate) fn among_active(self) -> Self {
        Self { among_active: self.prior == Prior::ZERO, ..self }
    }

    /// Whether some of its coefficients are not zero.
    pub(crate) fn is_active(&self) -> bool {
        self.among_active || self.prior != Prior::ZERO
    }

    /// Whether training starts at the solution.
    pub(crate) fn is_learned(&self) -> bool {
        self.prior.variance() == 0.0 && self.prior.mean() == self.start
    }

    /// Mean of the true coefficients, counted from the centre of the penalty.
    pub(crate) fn mean_from_centre(&self) -> f64 {
        self.prior.mean() - self.centre
    }

    /// The start, counted from the centre of the penalty.
    pub(crate) fn start_from_centre(&self) -> f64 {
        self.start - self.centre
    }

    /// Mean square of what is to be learned, the true coefficient less the start.
    pub(crate) fn signal(&self) -> f64 {
        let distance = self.prior.mean() - self.start;
        distance.mul_add(distance, self.prior.variance())
    }

    /// Mean square of the true coefficient and the start together.
    pub(crate) fn magnitude_squared(&self) -> f64 {
        self.start.mul_add(self.start, self.prior.mean_square())
    }

    /// `c/k`, the scale of the same quadratic penalty with weight 1; beyond floats for extreme ones.
    pub(crate) fn quadratic_scale(&self) -> f64 {
        self.scale / self.penalty_weight
    }

    /// `sqrt(c² + b0²)`: the scale that the first steps of training see.
    #[cfg(feature = "quadrature")]
    pub(crate) fn scale_at_start(&self) -> f64 {
        let start = self.start_from_centre();
        if start == 0.0 { self.scale } else { self.scale.hypot(start) }
    }
}

/// The law of a single coordinate: a mixture of [groups](CoordinateGroup).
///
/// # Formula
///
/// `$$ P(g) = p_g, \qquad B \mid g \sim N(m_g, v_g), \qquad c = c_g, \quad b(0) = b_{0,g} \qquad
/// \left( \sum_g p_g = 1 \right) $$`
///
/// where
/// - `$p_g$`: [weight](CoordinateGroup::weight) of group `$g$`;
/// - `$B$`: true coefficient, with the [prior](CoordinateGroup::prior) `$N(m_g, v_g)$`;
/// - `$c_g$`, `$b_{0,g}$`: [scale](CoordinateGroup::scale) and [start](CoordinateGroup::start) of
///   training.
///
/// The generalization error depends on network and tasks by the law only. A law is made from a task and
/// an initialization, or by hand, with any mixture and any scales.
///
/// Derivation: [theory](crate::theory#law-of-one-coordinate). Source: Anguita et al. 2026
/// (arXiv:2602.20062), Proposition 4.2.
///
/// # Examples
///
/// ```
/// use diagonet::{CoordinateGroup, Law, Prior};
///
/// let law = Law::new(vec![
///     CoordinateGroup::new("signal", 0.1, Prior::gaussian(0.0, 10.0)?, 1e-3)?,
///     CoordinateGroup::new("background", 0.9, Prior::ZERO, 1e-3)?,
/// ])?;
/// assert_eq!(law.reachable_fraction(), 1.0);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "crate::representation::Law", into = "crate::representation::Law")
)]
pub struct Law {
    groups: Arc<[CoordinateGroup]>,
}

impl Law {
    /// The mixture of `groups`, whose weights sum to 1.
    ///
    /// # Errors
    ///
    /// [`Error::WeightsDoNotSumToOne`] where the sum differs from 1 by more than 1e-12.
    pub fn new(groups: Vec<CoordinateGroup>) -> Result<Self> {
        let sum = groups.iter().map(CoordinateGroup::weight).collect::<CompensatedSum>().value();
        if (sum - 1.0).abs() > 1e-12 {
            return Err(Error::WeightsDoNotSumToOne { groups: groups.len(), sum });
        }
        Ok(Self { groups: groups.into() })
    }

    /// Fine-tuning after pretraining to convergence on unlimited data (`beta_PT` known exactly).
    ///
    /// The law has one group for every component of every [`FeatureClass`](crate::FeatureClass), in the
    /// order of [`FeatureClass::ALL`](crate::FeatureClass::ALL): four groups, where no prior is a
    /// mixture.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a pretraining prior with components other than atoms, which
    /// [`Transfer`](crate::Transfer) accepts, where the scale map leaves the range [1e-307, 1e307] of
    /// scales, and as [`CoordinateGroup::with_input_variance`].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{
    ///     Densities, FeatureClass, Initialization, Law, ScaleMap, Scales, Supports, Task,
    /// };
    ///
    /// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 })?;
    /// let task = Task::new(supports)?;
    /// let initialization = Initialization::new(Scales { absolute: 1e-3, relative: -0.9 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// let law = Law::fine_tuning(&task, &map)?;
    /// assert_eq!(law.groups()[1].label(), &FeatureClass::New.into());
    /// assert!(law.groups()[0].scale() > 100.0 * law.groups()[1].scale());
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn fine_tuning(task: &Task, scale_map: &ScaleMap) -> Result<Self> {
        let group = |component: Component| {
            let domain = Domain::ZERO
                .when("for a law without an integral; Transfer integrates over other priors");
            let variance = component.pretraining.variance();
            domain.check("pretraining_variance", variance)?;
            let coefficient = component.pretraining.mean();
            let pretrained = Pretrained::new(coefficient, component.pretraining)?;
            let (prior, pretrained) = component.fine_tuning_given(pretrained)?;
            let scale = scale_map.fine_tuning_scale(coefficient)?;
            CoordinateGroup::new(component.class, task.probability(&component), prior, scale)?
                .with_input_variance(task.input_variance(component.class))?
                .with_pretrained(pretrained)
        };
        Self::new(task.components().into_iter().map(group).collect::<Result<_>>()?)
    }

    /// Training on the fine-tuning task from scratch: the same classes, all with the absolute scale of
    /// `initialization`.
    ///
    /// # Errors
    ///
    /// As [`CoordinateGroup::with_input_variance`].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Densities, Initialization, Law, Scales, Supports, Task};
    ///
    /// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 })?;
    /// let task = Task::new(supports)?;
    /// let law = Law::from_scratch(&task, &Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?)?;
    /// assert!(law.groups().iter().all(|group| group.scale() == 1e-3));
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn from_scratch(task: &Task, initialization: &Initialization) -> Result<Self> {
        let scale = initialization.absolute_scale();
        let mut groups: Vec<CoordinateGroup> = Vec::new();
        let mut positions = HashMap::new();
        for component in task.components() {
            let prior = component.fine_tuning_alone()?;
            let weight = task.probability(&component);
            let key = (component.class, [prior.mean(), prior.variance()].map(f64::to_bits));
            // Without pretraining, what it was like is all the same.
            let position = *positions.entry(key).or_insert(groups.len());
            match groups.get_mut(position) {
                Some(group) => group.weight = (group.weight + weight).min(1.0),
                None => groups.push(
                    CoordinateGroup::new(component.class, weight, prior, scale)?
                        .with_input_variance(task.input_variance(component.class))?,
                ),
            }
        }
        Self::new(groups)
    }

    /// Fine-tuning with known coefficients of both tasks, one pair a coordinate: the
    /// [law](Self::fine_tuning) of [`Task::from_coefficients`]. Each distinct pair is a group of atoms,
    /// labelled by its [`FeatureClass`](crate::FeatureClass).
    ///
    /// # Errors
    ///
    /// As [`Task::from_coefficients`] and [`Law::fine_tuning`].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{FeatureClass, Initialization, Law, ScaleMap, Scales};
    ///
    /// let initialization = Initialization::new(Scales { absolute: 1e-3, relative: -0.9 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// let pretrained = [1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0];
    /// let coefficients = [0.5, 0.3, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    /// let law = Law::from_coefficients(&pretrained, &coefficients, &map)?;
    /// // Five of eight coordinates are alike.
    /// assert_eq!(law.groups().len(), 4);
    /// let unused = law.groups().iter().find(|group| *group.label() == FeatureClass::Unused.into());
    /// assert_eq!(unused.unwrap().weight(), 0.625);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn from_coefficients(
        pretrained: &[f64],
        coefficients: &[f64],
        scale_map: &ScaleMap,
    ) -> Result<Self> {
        Self::fine_tuning(&Task::from_coefficients(pretrained, coefficients)?, scale_map)
    }

    /// The same law with the scales of the best weighted ridge regression, in proportion to the signal.
    ///
    /// # Formula
    ///
    /// ```text
    /// c_g = k_g V_g
    /// ```
    ///
    /// where
    /// - `V_g`: mean square of the true coefficients of group `g` less their [start](CoordinateGroup::start);
    /// - `k_g`: [penalty weight](CoordinateGroup::penalty_weight) of the group.
    ///
    /// In the lazy limit with the explicit penalty `kappa = 2 sigma²`, the estimator is then the linear one
    /// with the least error (linear MMSE), whatever the input variances; without noise, it interpolates
    /// with the best of all weighted l2 norms. It is the rule that regime II follows as far as
    /// pretraining tells the signal of fine-tuning: its scales are `c_g = (1 + lambda) |beta_PT|`.
    ///
    /// Source: Wu and Xu 2020 (arXiv:2006.05800), the optimal weighted penalty.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a scale outside 0 or [1e-307, 1e307], or one of 0 with a start other than
    /// 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{CoordinateGroup, Estimator, Law, Prior, Samples, Solver};
    ///
    /// let law = Law::new(vec![
    ///     CoordinateGroup::new("large", 0.2, Prior::gaussian(0.0, 4.0)?, 1.0)?,
    ///     CoordinateGroup::new("small", 0.8, Prior::gaussian(0.0, 0.1)?, 1.0)?,
    /// ])?;
    /// let samples = Samples::new(0.5)?.with_noise_variance(0.1)?;
    /// let ridge = Solver::new().with_estimator(Estimator::Lazy);
    /// let tuned = ridge.best_explicit_penalty(&law, &samples)?.generalization_error;
    /// let matched = ridge.with_explicit_penalty(2.0 * 0.1)?.solve(&law.with_matched_scales()?, &samples)?;
    /// assert!(matched.generalization_error() < 0.7 * tuned);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_matched_scales(&self) -> Result<Self> {
        let group = |group: &CoordinateGroup| {
            let scale = group.penalty_weight * group.signal();
            Domain::SCALE
                .check("scale", scale)
                .and_then(|scale| {
                    let start = CoordinateGroup { scale, ..group.clone() };
                    start.with_start(group.start)
                })
                .map_err(|error| match error {
                    Error::InGroup { .. } => error,
                    error => error.in_group(&group.label),
                })
        };
        Ok(Self { groups: self.groups.iter().map(group).collect::<Result<_>>()? })
    }

    /// The equivalent law with inputs of unit variance, see [`CoordinateGroup::whitened`].
    pub(crate) fn whitened(&self) -> Cow<'_, Self> {
        if self.groups.iter().all(|group| group.input_variance == 1.0) {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Self { groups: self.groups.iter().map(CoordinateGroup::whitened).collect() })
    }

    /// The same law with other scales.
    pub(crate) fn with_scales(&self, scale: impl Fn(&CoordinateGroup) -> f64) -> Self {
        let groups = self.groups.iter();
        Self {
            groups: groups
                .map(|group| CoordinateGroup { scale: scale(group), ..group.clone() })
                .collect(),
        }
    }

    /// The same law with scales and starts, counted from their centres, times `factor`: what a common
    /// factor of all conserved quantities makes of it.
    pub(crate) fn shrunk(&self, factor: f64) -> Result<Self> {
        let shrunk = |group: &CoordinateGroup| {
            let scale = factor * group.scale;
            if !Domain::SCALE.contains(scale) || (scale == 0.0 && group.scale > 0.0) {
                let error = Error::NotRepresentable {
                    quantity: "the effective scale",
                    reason: "it is below 1e-307",
                };
                return Err(error.in_group(&group.label));
            }
            let start = group.centre + factor * group.start_from_centre();
            Ok(CoordinateGroup { scale, start, ..group.clone() })
        };
        Ok(Self { groups: self.groups.iter().map(shrunk).collect::<Result<_>>()? })
    }

    /// The groups, in the order in which they were given.
    #[must_use]
    pub fn groups(&self) -> &[CoordinateGroup] {
        &self.groups
    }

    /// Reachable fraction `r`: the probability of a coordinate that can move (`c > 0`).
    ///
    /// Training interpolates for sample ratios below it. Above, there are more equations than unknowns.
    #[must_use]
    pub fn reachable_fraction(&self) -> f64 {
        // From the smaller side, so that it is exactly one where nothing is frozen.
        let weight = |frozen: bool| {
            let groups = self.groups.iter().filter(|group| (group.scale == 0.0) == frozen);
            groups.map(CoordinateGroup::weight).collect::<CompensatedSum>().value()
        };
        let (reachable, frozen) = (weight(false), weight(true));
        if frozen < reachable { 1.0 - frozen } else { reachable }
    }

    /// Mean square `E[beta*²]` of the true coefficients: the error of estimating nothing, where
    /// [input variances](CoordinateGroup::input_variance) are 1.
    #[must_use]
    pub fn mean_square(&self) -> f64 {
        self.mean_of(|group| group.prior.mean_square())
    }

    /// Mean square of the coefficients less their start: the error without samples.
    pub(crate) fn signal(&self) -> f64 {
        self.mean_of(CoordinateGroup::signal)
    }

    /// Mean square of coefficients and starts together, the unit of the problem.
    pub(crate) fn magnitude_squared(&self) -> f64 {
        self.mean_of(CoordinateGroup::magnitude_squared)
    }

    /// Groups that can move and have weight, with their positions.
    pub(crate) fn movable(&self) -> impl Iterator<Item = (usize, &CoordinateGroup)> + Clone {
        let movable =
            |(_, group): &(usize, &CoordinateGroup)| group.scale > 0.0 && group.weight > 0.0;
        self.groups.iter().enumerate().filter(movable)
    }

    /// The largest penalty weight of a group that can move, by which penalties are counted; 1 where none
    /// can.
    pub(crate) fn penalty_unit(&self) -> f64 {
        let largest = self.movable().map(|(_, group)| group.penalty_weight).fold(0.0, f64::max);
        if largest > 0.0 { largest } else { 1.0 }
    }

    /// Mean square `F` of the coefficients on frozen coordinates, whose error nothing can change.
    pub(crate) fn frozen_signal(&self) -> f64 {
        self.mean_of(|group| if group.scale == 0.0 { group.signal() } else { 0.0 })
    }

    fn mean_of(&self, quantity: impl Fn(&CoordinateGroup) -> f64) -> f64 {
        let terms = self.groups.iter().map(|group| group.weight * quantity(group));
        terms.collect::<CompensatedSum>().value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::initialization::Scales;
    use crate::problem::feature_class::FeatureClass;
    use crate::problem::supports::{Densities, Supports};

    #[test]
    fn a_task_without_frozen_coordinates_is_reachable_to_the_last_bit() {
        // 0.7 + 0.1 + 0.1 + 0.1 is not 1 in floating point.
        let groups = [0.7, 0.1, 0.1, 0.1]
            .map(|weight| CoordinateGroup::new("part", weight, Prior::ZERO, 1.0).unwrap());
        assert_eq!(Law::new(groups.to_vec()).unwrap().reachable_fraction(), 1.0);
    }

    #[test]
    fn a_vanishing_first_layer_freezes_what_pretraining_did_not_use() {
        let task = Task::new(
            Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 }).unwrap(),
        )
        .unwrap();
        let map = ScaleMap::new(
            Initialization::new(Scales { absolute: 0.0, relative: 0.0 }).unwrap(),
            0.0,
        )
        .unwrap();
        let law = Law::fine_tuning(&task, &map).unwrap();
        assert!((law.reachable_fraction() - 0.2).abs() < 1e-16);
    }

    #[test]
    fn shared_coefficients_follow_the_correlation() {
        let task = Task::new(
            Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 }).unwrap(),
        )
        .unwrap();
        let initialization = Initialization::new(Scales { absolute: 1e-3, relative: 0.0 }).unwrap();
        let map = ScaleMap::new(initialization, 0.0).unwrap();
        for magnitude in [1.0, -2.0, 1e-160] {
            for correlation in [-1.0, -0.6, 0.0, 0.8, 1.0] {
                let related = task
                    .clone()
                    .with_correlation(correlation)
                    .and_then(|task| task.with_pretraining_magnitude(magnitude))
                    .unwrap();
                let law = Law::fine_tuning(&related, &map).unwrap();
                let scratch = Law::from_scratch(&related, &initialization).unwrap();
                let [shared, new] = [0, 1].map(|index| law.groups()[index].prior());
                assert!((shared.mean_square() - 10.0).abs() < 1e-14);
                let mean = 10.0_f64.sqrt() * correlation * f64::signum(magnitude);
                assert!((shared.mean() - mean).abs() < 1e-15);
                assert_eq!(new, Prior::gaussian(0.0, 10.0).unwrap());
                assert_eq!(scratch.groups()[0].prior(), shared);
            }
        }
        // A mean square has no part of the mean if the mean is zero.
        let gaussian = task
            .with_pretraining_prior(Prior::gaussian(0.0, 3.0).unwrap())
            .and_then(|task| task.with_correlation(0.8))
            .unwrap();
        let scratch = Law::from_scratch(&gaussian, &initialization).unwrap();
        assert_eq!(scratch.groups()[0].prior(), Prior::gaussian(0.0, 10.0).unwrap());
        assert!(matches!(
            Law::fine_tuning(&gaussian, &map),
            Err(Error::OutOfDomain { parameter: "pretraining_variance", value: 3.0, .. })
        ));
    }

    #[test]
    fn a_scale_map_beyond_the_range_of_scales_is_an_error() {
        let task = Task::new(
            Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 }).unwrap(),
        )
        .unwrap();
        let barely =
            Initialization::new(Scales { absolute: 1e-300, relative: -1.0 + f64::EPSILON })
                .unwrap();
        let law = Law::fine_tuning(&task, &ScaleMap::new(barely, 0.0).unwrap());
        let error = law.unwrap_err();
        assert!(
            matches!(&error, Error::InGroup { label, .. } if *label == FeatureClass::New.into())
        );
        assert!(matches!(error.cause(), Error::OutOfDomain { parameter: "scale", .. }));
    }
}
