//! Classical baselines: norms with an explicit penalty, from scratch on the data of fine-tuning.

use diagonet::{
    ElasticNet, Estimator, FeatureClass, Initialization, Law, PenaltyPosition, Samples, Scales,
    Solution, Solver, Task, rich_weights,
};

/// The norms by their usual names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NormName {
    /// `kappa b²/2`
    Ridge,
    /// `kappa |b|`
    Lasso,
    /// `kappa (|b| + mu b²/2)`
    ElasticNet,
}

/// A norm with its penalty, where that is given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Norm {
    pub(crate) name: NormName,
    /// `None` for the best one.
    pub(crate) penalty: Option<f64>,
    /// Curvature `mu` of an elastic net.
    pub(crate) curvature: f64,
}

/// The errors under a norm.
pub(crate) struct NormAnswer {
    law: Law,
    /// What the solver counts penalties in.
    unit: f64,
    /// The penalty; infinite where nothing is learned.
    pub(crate) penalty: f64,
    /// `None` where nothing is learned.
    pub(crate) solution: Option<Solution>,
}

impl Norm {
    /// The norm at its best penalty.
    pub(crate) fn tuned(name: NormName) -> Self {
        Self { name, penalty: None, curvature: 1.0 }
    }

    pub(crate) fn solve(&self, task: &Task, samples: &Samples) -> diagonet::Result<NormAnswer> {
        // Its lazy limit is b²/2 on all coordinates, and the weights of its rich limit are equal.
        let law = Law::from_scratch(
            task,
            &Initialization::new(Scales { absolute: 0.5, relative: 0.0 })?,
        )?;
        let weight = rich_weights(&law).into_iter().fold(0.0, f64::max);
        let (estimator, unit) = match self.name {
            NormName::Ridge => (Estimator::Lazy, 1.0),
            NormName::Lasso => (Estimator::Rich, weight),
            NormName::ElasticNet => {
                (Estimator::ElasticNet(ElasticNet::new(self.curvature)?), weight)
            }
        };
        let solver = Solver::new().with_estimator(estimator);
        if let Some(penalty) = self.penalty {
            let solution = solver.with_explicit_penalty(penalty / unit)?.solve(&law, samples)?;
            return Ok(NormAnswer { law, unit, penalty, solution: Some(solution) });
        }
        let best = solver.best_explicit_penalty(&law, samples)?;
        let penalty = match best.position {
            PenaltyPosition::Zero => 0.0,
            PenaltyPosition::Finite(kappa) => kappa * unit,
            _ => f64::INFINITY,
        };
        Ok(NormAnswer { law, unit, penalty, solution: best.solution })
    }
}

impl NormAnswer {
    /// Effective penalty, which is the threshold of a lasso.
    pub(crate) fn effective_penalty(&self) -> Option<f64> {
        Some(self.unit * self.solution.as_ref()?.state.effective_penalty)
    }

    pub(crate) fn error(&self) -> f64 {
        match &self.solution {
            Some(solution) => solution.generalization_error(),
            None => self.unlearned(|_| true),
        }
    }

    pub(crate) fn parameter_error(&self) -> f64 {
        match &self.solution {
            Some(solution) => solution.parameter_errors().total,
            None => self.law.mean_square(),
        }
    }

    pub(crate) fn error_of(&self, class: FeatureClass) -> Option<f64> {
        match &self.solution {
            Some(solution) => solution.error_of(class),
            None => {
                let weight = |group: &&diagonet::CoordinateGroup| *group.label() == class.into();
                let groups = self.law.groups().iter().filter(weight);
                let total: f64 = groups.map(|group| group.weight()).sum();
                let sum = self.unlearned(|label| label == class.label());
                (total > 0.0).then(|| sum / total)
            }
        }
    }

    /// What the coefficients of some groups add to labels.
    fn unlearned(&self, includes: impl Fn(&str) -> bool) -> f64 {
        let groups = self.law.groups().iter().filter(|group| includes(group.label().as_str()));
        let square = |group: &diagonet::CoordinateGroup| {
            group.weight() * group.input_variance() * group.prior().mean_square()
        };
        groups.map(square).sum()
    }
}
