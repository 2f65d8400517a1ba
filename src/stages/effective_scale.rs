//! The scale that the training of a second stage ends at.

use crate::asymptotics::effective_scale::EffectiveScale;
use crate::asymptotics::optimizer::Optimizer;
use crate::error::{Error, Result};
use crate::network::protocol::TrainedLayers;
use crate::stages::transfer::TransferSolution;

impl TransferSolution {
    /// Brackets the scale that fine-tuning with an optimizer ends at, and its error, see
    /// [`Solver::effective_scale`](crate::Solver::effective_scale). Pretraining stays gradient flow.
    ///
    /// # Errors
    ///
    /// As [`Solver::effective_scale`](crate::Solver::effective_scale);
    /// [`Error::UnknownName`] for a protocol that freezes a layer, which leaves no scale to shrink.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// use diagonet::{
    ///     Densities, Initialization, Optimizer, Samples, ScaleMap, Scales, Solver, Supports, Task,
    ///     Transfer,
    /// };
    ///
    /// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 })?;
    /// let task = Task::new(supports)?;
    /// let map = ScaleMap::new(Initialization::new(Scales { absolute: 0.1, relative: 0.0 })?, 0.0)?;
    /// let solution = Solver::new().solve(&Transfer::new(&task, map), &Samples::new(0.3)?)?;
    /// let optimizer = Optimizer::new().with_learning_rate(0.1)?.with_weight_decay_integral(1.0)?;
    /// let [low, high] = solution.effective_scale(&optimizer)?.generalization_errors();
    /// assert!(low < high && high < solution.generalization_error());
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn effective_scale(&self, optimizer: &Optimizer) -> Result<EffectiveScale> {
        let protocol = self.transfer.protocol();
        if protocol.trained_layers() != TrainedLayers::Both {
            return Err(Error::UnknownName {
                parameter: "protocol",
                value: protocol.to_string(),
                choices: "those that train both layers, for an effective scale",
            });
        }
        self.solver.effective_scale(&self.fine_law()?, &self.fine_tuning.samples(), optimizer)
    }
}
