//! Discovery rates after both stages.
//!
//! The discovery rate at a given observation of pretraining can be nearly a step: where few samples move
//! the estimates, or little noise blurs them. The nodes on which fine-tuning was solved are then too far
//! apart. The rate is therefore integrated over the observation anew, at the known state.

use crate::asymptotics::statistics::{GroupEstimate, Rate, Statistics, discovery_rates};
use crate::error::Result;
use crate::numerics::gauss_legendre::adaptive;
use crate::numerics::normal::density;
use crate::numerics::sum::CompensatedSum;
use crate::problem::component::Component;
use crate::problem::feature_class::FeatureClass;
use crate::stages::pretrained_nodes::{Observations, PretrainedNode, SEEN};
use crate::stages::stage_state::StageState;
use crate::stages::transfer::TransferSolution;

/// Accuracy of a rate.
const TOLERANCE: f64 = 1e-11;

/// Distance, in standard deviations, beyond which observations have no probability.
const REACH: f64 = 9.0;

/// Panels at first: features wider than a fifth of a standard deviation are seen by all.
const PANELS: usize = 90;

impl TransferSolution {
    /// Replaces the discovery rates on nodes by their integrals.
    pub(crate) fn with_discovery_rates(
        &self,
        statistics: Statistics,
        cut: f64,
    ) -> Result<Statistics> {
        let transfer = &self.transfer;
        let state = self.prepared().state();
        let task = transfer.task();
        let mut statistics = statistics;
        let mut rates = Vec::new();
        for class in FeatureClass::ALL {
            let label = class.label();
            let Some(group) = statistics.groups.iter_mut().find(|g| g.label.as_str() == label)
            else {
                continue;
            };
            let mut of_class = CompensatedSum::new(0.0);
            let state = state.on_inputs(task.input_variance(class), SEEN)?;
            for component in task.components_of(class) {
                let discovery_rate = self.discovery_rate(&component, state, cut)?;
                of_class.add(component.share * discovery_rate);
                rates.push(Rate {
                    weight: task.probability(&component),
                    is_active: component.is_active(),
                    discovery_rate,
                });
            }
            group.estimates.discovery_rate = of_class.value().min(1.0);
        }
        let discovered: f64 = rates.iter().map(|rate| rate.weight * rate.discovery_rate).sum();
        statistics.total.discovery_rate = discovered.min(1.0);
        [statistics.true_discovery_rate, statistics.false_discovery_rate] = discovery_rates(&rates);
        Ok(statistics)
    }

    /// `P(|b| > cut)` on the features of a component.
    fn discovery_rate(&self, component: &Component, state: StageState, cut: f64) -> Result<f64> {
        let weights = self.fine_tuning.l1_weights();
        let mean_square = self.fine_tuning.mean_square();
        let at = |node: &PretrainedNode| {
            let group = self.transfer.group(component, 1.0, node)?;
            let weight = weights.of_scale(group.scale());
            let estimate = GroupEstimate::new(&group, &self.fine_tuning, weight, mean_square)?;
            Ok(estimate.discovery_rate(cut))
        };
        if component.pretraining.variance() + state.noise == 0.0 {
            return at(&PretrainedNode::known(component.pretraining));
        }
        let scale = self.transfer.scale_map().pretraining().absolute_scale();
        let observations = Observations::new(component.pretraining, state, scale)?;
        let rate = adaptive([-REACH, REACH], PANELS, TOLERANCE, |x| {
            Ok(density(x) * at(&observations.node(x)?)?)
        })?;
        Ok(rate.clamp(0.0, 1.0))
    }
}
