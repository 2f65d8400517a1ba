//! What the knobs of the page set.

use diagonet::{
    Densities, GapScales, Initialization, Law, Protocol, Regime, Result, Samples, ScaleMap,
    Supports, Task, Transfer,
};

/// Protocols in the order of the page's list, with the number of their parameters.
const PROTOCOLS: [(&str, usize); 10] = [
    ("rebalanced", 1),
    ("continued", 0),
    ("rescaled", 2),
    ("learning_rates", 1),
    ("readout_reset", 0),
    ("probe_kept", 0),
    ("probe_reset", 0),
    ("probe_rebalanced", 0),
    ("frozen_readout", 0),
    ("adapter", 1),
];

/// Two tasks, two stages and their data, as the numbers of the page.
///
/// # Examples
///
/// ```
/// use diagonet_explorer::State;
///
/// let numbers = [1e-3, 0.1, 0.0, 0.1, 0.1, 0.8, 0.2, 0.01, f64::INFINITY, 0.0, 0.0, 1.0, 1.0];
/// let state = State::read(&numbers)?;
/// assert_eq!(state.task().supports().overlap(), Some(0.8));
/// assert_eq!(state.transfer().scale_map().pretraining().lambda_gap(), 0.1);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    transfer: Transfer,
    samples: Samples,
}

impl State {
    /// Count of the numbers of a state: `c`, `1 + lambda`, `gamma`, `rho_PT`, `rho_FT`, `omega`, `alpha`,
    /// `sigma²`, `alpha_PT` (infinite for unlimited data), `sigma²_PT`, the position of the protocol in
    /// the page's list, and two parameters of it.
    pub const LENGTH: usize = 13;

    /// The state of a list of numbers. Numbers that are missing are NaN, which no parameter takes.
    ///
    /// # Errors
    ///
    /// Those of the constructors of [`diagonet`], for a number outside of its domain.
    pub fn read(numbers: &[f64]) -> Result<Self> {
        let number = |position: usize| numbers.get(position).copied().unwrap_or(f64::NAN);
        let supports = Supports::new(Densities {
            pretraining: number(3),
            fine_tuning: number(4),
            overlap: number(5),
        })?;
        let pretraining = Initialization::from_lambda_gap(GapScales {
            absolute: number(0),
            lambda_gap: number(1),
        })?;
        let transfer = Transfer::new(&Task::new(supports)?, ScaleMap::new(pretraining, number(2))?)
            .with_protocol(protocol(number(10), [number(11), number(12)])?);
        let samples = Samples::new(number(6))?.with_noise_variance(number(7))?;
        let pretraining_ratio = number(8);
        if pretraining_ratio == f64::INFINITY {
            return Ok(Self { transfer, samples });
        }
        let pretraining = Samples::new(pretraining_ratio)?.with_noise_variance(number(9))?;
        Ok(Self { transfer: transfer.with_pretraining_samples(pretraining), samples })
    }

    /// Both stages.
    #[must_use]
    pub fn transfer(&self) -> &Transfer {
        &self.transfer
    }

    /// Both tasks.
    #[must_use]
    pub fn task(&self) -> &Task {
        self.transfer.task()
    }

    /// The data of fine-tuning.
    #[must_use]
    pub fn samples(&self) -> Samples {
        self.samples
    }

    /// Both stages with another `1 + lambda` and another readout scale.
    ///
    /// # Errors
    ///
    /// Those of [`Initialization::from_lambda_gap`] and [`ScaleMap::new`].
    pub fn with_scales(&self, lambda_gap: f64, readout_scale: f64) -> Result<Transfer> {
        let absolute = self.transfer.scale_map().pretraining().absolute_scale();
        let pretraining = Initialization::from_lambda_gap(GapScales { absolute, lambda_gap })?;
        Ok(self.with_scale_map(ScaleMap::new(pretraining, readout_scale)?))
    }

    /// Both stages with another scale map.
    #[must_use]
    pub fn with_scale_map(&self, scale_map: ScaleMap) -> Transfer {
        let transfer =
            Transfer::new(self.task(), scale_map).with_protocol(self.transfer.protocol());
        match self.transfer.pretraining_samples() {
            Some(samples) => transfer.with_pretraining_samples(samples),
            None => transfer,
        }
    }

    /// The reference network of a regime on the same tasks and data, with rebalanced paths.
    ///
    /// # Errors
    ///
    /// None: the scales are legal.
    pub fn in_regime(&self, regime: Regime) -> Result<Transfer> {
        Ok(self.with_scale_map(regime.reference()?).with_protocol(Protocol::REBALANCED))
    }

    /// Training from scratch on the data of fine-tuning, from the initialization of pretraining.
    ///
    /// # Errors
    ///
    /// Those of [`Law::from_scratch`].
    pub fn from_scratch(&self) -> Result<Law> {
        Law::from_scratch(self.task(), &self.transfer.scale_map().pretraining())
    }
}

fn protocol(position: f64, parameters: [f64; 2]) -> Result<Protocol> {
    let listed = PROTOCOLS.iter().zip(0_u32..).find(|(_, index)| f64::from(*index) == position);
    // A position out of the list has the empty name, which is that of no protocol.
    let (name, count) = listed.map(|(protocol, _)| *protocol).unwrap_or_default();
    Protocol::from_name(name, &parameters[..count])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_out_of_the_list_are_refused() {
        for position in [-1.0, 0.5, 10.0, f64::NAN] {
            assert!(protocol(position, [1.0; 2]).is_err(), "{position}");
        }
        for position in 0..10 {
            assert!(protocol(f64::from(position), [1.0; 2]).is_ok(), "{position}");
        }
    }

    #[test]
    fn missing_numbers_are_refused() {
        let numbers = [1e-3, 0.1, 0.0, 0.1, 0.1, 0.8, 0.2, 0.01, f64::INFINITY, 0.0, 0.0, 1.0, 1.0];
        assert!(State::read(&numbers).is_ok());
        // The parameters of the protocol and the noise of unlimited data are read where they are needed.
        for length in 0..9 {
            assert!(State::read(&numbers[..length]).is_err(), "{length}");
        }
    }
}
