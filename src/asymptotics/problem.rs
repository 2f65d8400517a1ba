//! What a solver asks of a problem.

use crate::asymptotics::fixed_point::FixedPoint;
use crate::asymptotics::solution::Solution;
use crate::asymptotics::solver::Solver;
use crate::error::Result;
use crate::problem::law::Law;
use crate::problem::task::Samples;

/// A training problem that a [`Solver`] solves: a [`Law`], whose solution is a [`Solution`], or a
/// [`Transfer`](crate::Transfer), whose solution is a [`TransferSolution`](crate::TransferSolution).
///
/// The trait is sealed; its methods are those of [`Solver`].
pub trait Problem: Solve {}

impl<P: Solve> Problem for P {}

/// How a problem is solved. Not nameable from outside, so that [`Problem`] is sealed.
pub trait Solve {
    /// What is the same for all samples of the problem.
    type Prepared;
    /// The answer.
    type Solution: Answer;

    /// Computes what is the same for all samples.
    fn prepare(&self) -> Result<Self::Prepared>;

    /// Solves the problem, from a state that is close to its own if one is given.
    fn solve_prepared(
        &self,
        prepared: &Self::Prepared,
        solver: &Solver,
        samples: &Samples,
        start: Option<&FixedPoint>,
    ) -> Result<Self::Solution>;

    /// Where a scan of the learning curve has to look.
    fn scan(&self, prepared: &Self::Prepared) -> Result<Scan>;
}

/// What all solutions have.
pub trait Answer {
    /// The generalization error.
    fn error(&self) -> f64;
    /// The state of the fixed point.
    fn state(&self) -> &FixedPoint;
}

/// A learning curve, to be scanned.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The error in the limit of no samples.
    pub error_without_samples: f64,
    /// Ascending sample ratios at which the error can peak.
    pub peaks: Vec<f64>,
    /// Distance of nodes, in the logarithm of the distance to a peak.
    pub spacing: f64,
}

impl Answer for Solution {
    fn error(&self) -> f64 {
        self.generalization_error
    }

    fn state(&self) -> &FixedPoint {
        &self.state
    }
}

impl<P: Solve> Solve for &P {
    type Prepared = P::Prepared;
    type Solution = P::Solution;

    fn prepare(&self) -> Result<P::Prepared> {
        (**self).prepare()
    }

    fn solve_prepared(
        &self,
        prepared: &P::Prepared,
        solver: &Solver,
        samples: &Samples,
        start: Option<&FixedPoint>,
    ) -> Result<P::Solution> {
        (**self).solve_prepared(prepared, solver, samples, start)
    }

    fn scan(&self, prepared: &P::Prepared) -> Result<Scan> {
        (**self).scan(prepared)
    }
}

impl Solve for Law {
    type Prepared = ();
    type Solution = Solution;

    fn prepare(&self) -> Result<()> {
        Ok(())
    }

    fn solve_prepared(
        &self,
        (): &(),
        solver: &Solver,
        samples: &Samples,
        start: Option<&FixedPoint>,
    ) -> Result<Solution> {
        solver.solve_law(self, samples, start)
    }

    fn scan(&self, (): &()) -> Result<Scan> {
        const SPACING: f64 = 0.5;
        Ok(Scan { error_without_samples: self.signal(), peaks: peaks(self), spacing: SPACING })
    }
}

/// Ascending sample ratios at which a learning curve can peak: as many samples as coordinates of the
/// largest scales.
fn peaks(law: &Law) -> Vec<f64> {
    let mut movable: Vec<_> =
        law.movable().map(|(_, group)| (group.scale(), group.weight())).collect();
    movable.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut peaks = Vec::with_capacity(movable.len());
    let (mut total, mut last) = (0.0, f64::INFINITY);
    for (scale, weight) in movable {
        if scale < last && total > 0.0 {
            peaks.push(total);
        }
        total += weight;
        last = scale;
    }
    let reachable = law.reachable_fraction();
    peaks.retain(|peak| *peak < reachable);
    // Where nothing can move, the error is the same at any ratio.
    peaks.push(if reachable > 0.0 { reachable } else { 1.0 });
    peaks
}
