//! Protocols side by side: which one does best on a task.

use std::fmt;

use crate::asymptotics::problem::Solve;
use crate::asymptotics::solver::Solver;
use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::network::protocol::Protocol;
use crate::problem::samples::Samples;
use crate::stages::transfer::{Transfer, TransferSolution};

/// Protocols of fine-tuning, ranked by their generalization error on one task and data.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "quadrature")]
/// # {
/// use diagonet::{
///     Densities, Initialization, Protocol, Samples, ScaleMap, Scales, Solver, Supports, Task, Transfer,
/// };
///
/// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.8 })?;
/// let task = Task::new(supports)?;
/// let map = ScaleMap::new(Initialization::new(Scales { absolute: 0.1, relative: -0.5 })?, 0.0)?;
/// let samples = Samples::new(0.3)?.with_noise_variance(0.05)?;
/// let protocols = [Protocol::Continued, Protocol::ProbeKept];
/// let ranking = Solver::new().rank_protocols(&Transfer::new(&task, map), &samples, &protocols)?;
/// assert_eq!(ranking.best().protocol, Protocol::ProbeKept);
/// assert_eq!(ranking.to_string(), "probe_kept beats continued by 39 %");
/// # }
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ProtocolRanking {
    /// Protocols with an answer, the best one first.
    pub ranked: Vec<RankedProtocol>,
    /// Protocols without an answer, and why there is none, in the order in which they were given.
    pub unanswered: Vec<(Protocol, Error)>,
}

/// A protocol in a [`ProtocolRanking`].
///
/// # Examples
///
/// ```
/// use diagonet::{
///     Densities, Initialization, Protocol, Samples, ScaleMap, Scales, Solver, Supports, Task, Transfer,
/// };
///
/// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.8 })?;
/// let task = Task::new(supports)?;
/// let map = ScaleMap::new(Initialization::new(Scales { absolute: 0.1, relative: -0.5 })?, 0.0)?;
/// let protocols = [Protocol::ProbeKept, Protocol::FrozenReadout];
/// let transfer = Transfer::new(&task, map);
/// let ranking = Solver::new().rank_protocols(&transfer, &Samples::new(0.3)?, &protocols)?;
/// let [best, second] = &ranking.ranked[..] else { unreachable!() };
/// assert_eq!(best.margin, Some(0.0));
/// assert!(second.margin > best.margin);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RankedProtocol {
    /// The protocol.
    pub protocol: Protocol,
    /// Share of its error that the best protocol saves, in [0, 1]; `None` where both have none.
    pub margin: Option<f64>,
    /// Its solution.
    pub solution: TransferSolution,
}

impl RankedProtocol {
    /// Generalization error of fine-tuning by this protocol.
    #[must_use]
    pub fn generalization_error(&self) -> f64 {
        self.solution.generalization_error()
    }
}

impl ProtocolRanking {
    /// The best protocol.
    #[must_use]
    pub fn best(&self) -> &RankedProtocol {
        &self.ranked[0]
    }
}

/// The best protocol and what it saves of the error of each other one, in order.
impl fmt::Display for ProtocolRanking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let best = self.best();
        write!(f, "{}", best.protocol)?;
        for (index, other) in self.ranked[1..].iter().enumerate() {
            let separator = if index == 0 { " beats" } else { "," };
            let margin = 100.0 * other.margin.unwrap_or(0.0);
            write!(f, "{separator} {} by {margin:.0} %", other.protocol)?;
        }
        Ok(())
    }
}

impl Solver {
    /// Ranks protocols of fine-tuning by their generalization error: those of `transfer` in place of its
    /// own. Pretraining is solved once.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for no protocols; those of [`Solver::solve`] for pretraining, and of the first
    /// protocol where none has an answer.
    ///
    /// # Examples
    ///
    /// See [`ProtocolRanking`].
    pub fn rank_protocols(
        &self,
        transfer: &Transfer,
        samples: &Samples,
        protocols: &[Protocol],
    ) -> Result<ProtocolRanking> {
        Domain::COUNT.check("protocols", protocols.len() as f64)?;
        let pretraining = transfer.prepare()?;
        let (mut solutions, mut unanswered) = (Vec::new(), Vec::new());
        for &protocol in protocols {
            let problem = transfer.clone().with_protocol(protocol);
            match problem.solve_prepared(&pretraining, self, samples, None) {
                Ok(solution) => solutions.push((protocol, solution)),
                Err(error) => unanswered.push((protocol, error)),
            }
        }
        if solutions.is_empty() {
            return Err(unanswered.swap_remove(0).1);
        }
        // Equal errors stay in the order of the choice.
        solutions.sort_by(|(_, a), (_, b)| {
            a.generalization_error().total_cmp(&b.generalization_error())
        });
        let lowest = solutions[0].1.generalization_error();
        let ranked = solutions.into_iter().map(|(protocol, solution)| {
            let error = solution.generalization_error();
            let margin = (error > 0.0).then(|| (error - lowest) / error);
            RankedProtocol { protocol, margin, solution }
        });
        Ok(ProtocolRanking { ranked: ranked.collect(), unanswered })
    }
}
