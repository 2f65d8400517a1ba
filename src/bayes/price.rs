//! The price of implicit bias: what a learner loses that does not know the prior.

use crate::bayes::optimal::BayesOptimal;
use crate::bayes::solution::BayesSolution;
use crate::error::Result;
use crate::stages::ranking::ProtocolRanking;
use crate::stages::transfer::TransferSolution;

impl BayesSolution {
    /// Price of implicit bias: an error over the one that [message passing](Self::message_passing) reaches
    /// with the same data and the same knowledge of pretraining.
    ///
    /// # Formula
    ///
    /// ```text
    /// price = error / error_Bayes
    /// ```
    ///
    /// It is at least 1, up to the [accuracy](BayesOptimal::ACCURACY) of both errors: 1 where both are 0, and
    /// infinite where only the Bayes-optimal learner recovers all coefficients.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{BayesOptimal, Law, Densities, Initialization, Samples, Scales, Supports, Task, weighted_l2};
    ///
    /// let task = Task::new(Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.0 })?)?;
    /// let law = Law::from_scratch(&task, &Initialization::new(Scales { absolute: 1.0, relative: 0.0 })?)?;
    /// let samples = Samples::new(0.3)?.with_noise_variance(0.01)?;
    /// let bayes = BayesOptimal::from_scratch(&task)?.solve(&samples)?;
    /// // A lazy network does not know that coefficients are sparse.
    /// assert!(bayes.price_of(weighted_l2(&law, &samples)?.generalization_error()) > 50.0);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn price_of(&self, generalization_error: f64) -> f64 {
        let least = self.message_passing().generalization_error();
        // Zero over zero would be none.
        if generalization_error == least { 1.0 } else { generalization_error / least }
    }
}

impl TransferSolution {
    /// Price of implicit bias: the error of fine-tuning over that of the Bayes-optimal learner of both
    /// stages, see [`BayesOptimal::of_transfer`] and [`BayesSolution::price_of`].
    ///
    /// # Errors
    ///
    /// As [`BayesOptimal::of_transfer`] and [`BayesOptimal::solve`].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// use diagonet::{
    ///     Densities, Initialization, Samples, ScaleMap, Scales, Solver, Supports, Task, Transfer,
    /// };
    ///
    /// let supports = Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.8 })?;
    /// let task = Task::new(supports)?;
    /// let samples = Samples::new(0.2)?.with_noise_variance(0.01)?;
    /// let map = ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: -0.9 })?, 0.0)?;
    /// let solution = Solver::new().solve(&Transfer::new(&task, map), &samples)?;
    /// let price = solution.price_of_bias()?;
    /// assert!(price > 1.0 && price.is_finite());
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn price_of_bias(&self) -> Result<f64> {
        let bayes = BayesOptimal::of_transfer(self.transfer())?;
        let bayes = bayes.solve(&self.fine_tuning.samples())?;
        Ok(bayes.price_of(self.generalization_error()))
    }
}

impl ProtocolRanking {
    /// Prices of implicit bias, see [`TransferSolution::price_of_bias`], of the protocols in their order. The
    /// Bayes-optimal learner is the same for all.
    ///
    /// # Errors
    ///
    /// As [`TransferSolution::price_of_bias`].
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
    /// let prices = ranking.prices_of_bias()?;
    /// // The best protocol is still far from the best learner.
    /// assert!(1.5 < prices[0] && prices[0] < prices[1]);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn prices_of_bias(&self) -> Result<Vec<f64>> {
        let best = &self.best().solution;
        let bayes = BayesOptimal::of_transfer(best.transfer())?;
        let bayes = bayes.solve(&best.fine_tuning.samples())?;
        Ok(self.ranked.iter().map(|one| bayes.price_of(one.generalization_error())).collect())
    }
}
