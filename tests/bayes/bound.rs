//! No protocol and no estimator is below the Bayes-optimal learner, and message passing reaches it.
#![cfg(feature = "quadrature")]

use crate::common::{config, decades, relative_error};
use diagonet::{
    BayesOptimal, ConditionalDensities, CoordinateGroup, Densities, ElasticNet, Estimator,
    FeatureClass, Initialization, Law, LayerFactors, Prior, Protocol, Samples, ScaleMap, Scales,
    Solver, Supports, Task, Transfer, basis_pursuit, minimum_l2,
};
use proptest::prelude::*;

/// Accuracy of both sides.
const ROUNDING: f64 = 1e-8;

fn task() -> impl Strategy<Value = Task> {
    (
        0.02..0.5_f64,
        0.0..0.9_f64,
        0.0..0.5_f64,
        decades(-1.0, 2.0),
        prop_oneof![Just(0.0), -1.0..1.0_f64],
        prop_oneof![2 => Just([1.0; 4]), 1 => prop::array::uniform4(decades(-2.0, 2.0))],
    )
        .prop_map(|(density, shared, new, variance, correlation, input_variances)| {
            Task::new(
                Supports::from_conditional(ConditionalDensities {
                    pretraining: density,
                    shared,
                    new,
                })
                .unwrap(),
            )
            .and_then(|task| task.with_fine_tuning_variance(variance))
            .and_then(|task| task.with_correlation(correlation))
            .and_then(|task| {
                let mut classes = FeatureClass::ALL.into_iter().zip(input_variances);
                classes.try_fold(task, |task, (class, variance)| {
                    task.with_input_variance(class, variance)
                })
            })
            .unwrap()
        })
}

fn samples() -> impl Strategy<Value = Samples> {
    (0.05..1.5_f64, prop_oneof![Just(0.0), decades(-4.0, 0.5)])
        .prop_map(|(ratio, noise)| Samples::new(ratio).unwrap().with_noise_variance(noise).unwrap())
}

fn scale_map() -> impl Strategy<Value = ScaleMap> {
    (decades(-5.0, 1.0), -0.999..0.999_f64, prop_oneof![Just(0.0), decades(-3.0, 0.5)]).prop_map(
        |(scale, relative, readout)| {
            ScaleMap::new(
                Initialization::new(Scales { absolute: scale, relative }).unwrap(),
                readout,
            )
            .unwrap()
        },
    )
}

/// Errors of the estimators that have an answer.
fn errors(law: &Law, samples: &Samples, penalty: f64) -> Vec<f64> {
    let solver = Solver::new();
    let mut errors = Vec::new();
    for method in [Estimator::Quadrature, Estimator::Lazy, Estimator::Rich] {
        errors.push(solver.with_estimator(method).solve(law, samples));
    }
    errors.push(basis_pursuit(law, samples));
    errors.push(minimum_l2(law, samples));
    errors
        .push(solver.with_explicit_penalty(penalty).and_then(|solver| solver.solve(law, samples)));
    errors.into_iter().flatten().map(|solution| solution.generalization_error()).collect()
}

/// Errors of ridge regression, LASSO and elastic net at their best penalties.
fn tuned_errors(law: &Law, samples: &Samples) -> Vec<f64> {
    let net = Estimator::ElasticNet(ElasticNet::new(0.3).unwrap());
    let best =
        |estimator| Solver::new().with_estimator(estimator).best_explicit_penalty(law, samples);
    let errors = [Estimator::Lazy, Estimator::Rich, net].map(best);
    errors.into_iter().flatten().map(|best| best.generalization_error).collect()
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn no_estimator_is_below(
        task in task(), map in scale_map(), samples in samples(), penalty in decades(-3.0, 1.0),
    ) {
        let law = Law::fine_tuning(&task, &map).unwrap();
        let bound = |bayes: diagonet::Result<BayesOptimal>| {
            bayes.unwrap().solve(&samples).unwrap().message_passing().generalization_error()
        };
        let pretrained = bound(BayesOptimal::after_pretraining(&task));
        let of_law = bound(BayesOptimal::of_law(&law));
        prop_assert!((of_law - pretrained).abs() <= ROUNDING * pretrained, "{} {}", of_law, pretrained);
        for error in errors(&law, &samples, penalty) {
            prop_assert!(error >= pretrained * (1.0 - ROUNDING), "{error} below {pretrained}");
        }
        let scratch = bound(BayesOptimal::from_scratch(&task));
        prop_assert!(scratch >= pretrained * (1.0 - ROUNDING));
        let law = Law::from_scratch(&task, &map.pretraining()).unwrap();
        for error in errors(&law, &samples, penalty) {
            prop_assert!(error >= scratch * (1.0 - ROUNDING), "{error} below {scratch}");
        }
    }

    #[test]
    fn no_estimator_is_below_for_any_mixture(
        groups in prop::collection::vec(
            (0.05..1.0_f64, -2.0..2.0_f64, prop_oneof![Just(0.0), decades(-3.0, 2.0)], 0..3_i32), 1..6),
        zero in 0.1..5.0_f64,
        samples in samples(),
        penalty in decades(-3.0, 1.0),
    ) {
        let total: f64 = groups.iter().map(|group| group.0).sum::<f64>() + zero;
        let mut list = vec![CoordinateGroup::new("zero", zero / total, Prior::ZERO, 0.1).unwrap()];
        for (index, (weight, mean, variance, scale)) in groups.into_iter().enumerate() {
            let prior = Prior::gaussian(mean, variance).unwrap();
            let scale = 10.0_f64.powi(-scale);
            list.push(CoordinateGroup::new(index.to_string(), weight / total, prior, scale).unwrap());
        }
        let law = Law::new(list).unwrap();
        let solution = BayesOptimal::of_law(&law).unwrap().solve(&samples).unwrap();
        let bound = solution.message_passing().generalization_error();
        prop_assert!(solution.information_theoretic().generalization_error() <= bound);
        for error in errors(&law, &samples, penalty) {
            prop_assert!(error >= bound * (1.0 - ROUNDING), "{error} below {bound}");
        }
        // Errors by label add up, and every state solves its equation.
        for state in &solution.states {
            let sum: f64 = state.errors.groups.iter().map(|group| group.weight * group.error).sum();
            // Below, floats lose digits.
            let off = (sum - state.generalization_error()).abs();
            prop_assert!(off <= 1e-10 * sum.max(1e-290), "{sum} {state:?}");
            let noise = (samples.noise_variance() + sum) / samples.sample_ratio();
            prop_assert!(
                relative_error(noise, state.effective_noise_variance) <= 1e-9,
                "{noise} {solution:?}"
            );
        }
    }
}

fn protocol() -> impl Strategy<Value = Protocol> {
    let factor = || decades(-1.0, 1.0);
    prop_oneof![
        Just(Protocol::REBALANCED),
        Just(Protocol::Continued),
        Just(Protocol::ReadoutReset),
        Just(Protocol::ProbeKept),
        Just(Protocol::ProbeReset),
        Just(Protocol::FrozenReadout),
        factor().prop_map(|gain| Protocol::rebalanced(gain).unwrap()),
        (factor(), factor()).prop_map(|(first_layer, readout)| {
            Protocol::rescaled(LayerFactors { first_layer, readout }).unwrap()
        }),
        factor().prop_map(|ratio| Protocol::learning_rates(ratio).unwrap()),
        factor().prop_map(|gain| Protocol::probe_rebalanced(gain).unwrap()),
        factor().prop_map(|branch| Protocol::adapter(branch).unwrap()),
    ]
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn no_protocol_is_below(
        task in task(), map in scale_map(), samples in samples(), protocol in protocol(),
        penalty in prop_oneof![Just(0.0), decades(-3.0, 1.0)],
    ) {
        let bayes = BayesOptimal::after_pretraining(&task).unwrap().solve(&samples).unwrap();
        let bound = bayes.message_passing().generalization_error();
        let transfer = Transfer::new(&task, map).with_protocol(protocol);
        let solver = Solver::new().with_explicit_penalty(penalty).unwrap();
        if let Ok(solution) = solver.solve(&transfer, &samples) {
            let error = solution.generalization_error();
            prop_assert!(error >= bound * (1.0 - ROUNDING), "{protocol}: {error} below {bound}");
        }
    }
}

proptest! {
    #![proptest_config(config(20))]

    #[test]
    fn no_tuned_estimator_is_below(task in task(), map in scale_map(), samples in samples()) {
        let law = Law::fine_tuning(&task, &map).unwrap();
        // Its scales tell the learner which groups have signal.
        let matched = law.with_matched_scales().unwrap();
        for law in [law, matched, Law::from_scratch(&task, &map.pretraining()).unwrap()] {
            let bayes = BayesOptimal::of_law(&law).unwrap().solve(&samples).unwrap();
            let bound = bayes.message_passing().generalization_error();
            for error in tuned_errors(&law, &samples) {
                prop_assert!(error >= bound * (1.0 - ROUNDING), "{error} below {bound}");
            }
        }
    }
}

proptest! {
    #![proptest_config(config(8))]

    #[test]
    fn no_protocol_is_below_after_finite_pretraining(
        task in task(),
        gaussian in any::<bool>(),
        map in scale_map(),
        ratio in 0.2..0.9_f64,
        noise in decades(-3.0, 0.0),
        samples in samples(),
    ) {
        let task = if gaussian {
            task.with_pretraining_prior(Prior::gaussian(0.0, 1.0).unwrap()).unwrap()
        } else {
            task
        };
        let pretraining = Samples::new(ratio).unwrap().with_noise_variance(noise).unwrap();
        let transfer = Transfer::new(&task, map).with_pretraining_samples(pretraining);
        let bayes = BayesOptimal::of_transfer(&transfer).unwrap();
        let before = bayes.pretraining().unwrap().message_passing().generalization_error();
        let bound = bayes.solve(&samples).unwrap().message_passing().generalization_error();
        for protocol in [Protocol::REBALANCED, Protocol::Continued] {
            let transfer = transfer.clone().with_protocol(protocol);
            let Ok(solution) = Solver::new().solve(&transfer, &samples) else { continue };
            let error = solution.fine_tuning.generalization_error();
            prop_assert!(error >= bound * (1.0 - ROUNDING), "{error} below {bound}");
            let pretrained = solution.pretraining.unwrap().generalization_error();
            prop_assert!(pretrained >= before * (1.0 - ROUNDING));
        }
        // Between no pretraining data and unlimited ones.
        let scratch = BayesOptimal::from_scratch(&task).unwrap().solve(&samples).unwrap();
        prop_assert!(bound <= scratch.message_passing().generalization_error() * (1.0 + ROUNDING));
        if let Ok(all) = BayesOptimal::after_pretraining(&task).unwrap().solve(&samples) {
            prop_assert!(bound >= all.message_passing().generalization_error() * (1.0 - ROUNDING));
        }
    }
}

/// Normal deviates, by splitmix64 and Box-Muller.
struct Normals(u64);

impl Normals {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn pair(&mut self) -> [f64; 2] {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        let angle = 2.0 * std::f64::consts::PI * self.uniform();
        [radius * angle.cos(), radius * angle.sin()]
    }
}

/// Posterior mean and variance for a spike at 0 and a slab of density `density`.
fn posterior(density: f64, variance: f64, noise: f64, z: f64) -> [f64; 2] {
    let total = variance + noise;
    let odds = (1.0 - density) / density
        * (total / noise).sqrt()
        * (-0.5 * z * z * (1.0 / noise - 1.0 / total)).exp();
    let (active, mean) = (1.0 / (1.0 + odds), variance / total * z);
    let square = active * (variance * noise / total + mean * mean);
    [active * mean, square - (active * mean).powi(2)]
}

/// Approximate message passing with the posterior mean, on a drawn matrix: error after `steps`.
fn message_passing(
    task: &Task,
    samples: &Samples,
    dimension: usize,
    steps: usize,
    seed: u64,
) -> [f64; 2] {
    let supports = task.supports();
    let densities = [supports.new_density().unwrap(), supports.shared_density().unwrap()];
    let variance = task.shared_prior().variance();
    let rows = (samples.sample_ratio() * dimension as f64).round() as usize;
    let mut random = Normals(seed);
    // Of every coordinate: class and coefficient, in exact proportions.
    let counts = [supports.shared(), supports.pretraining_only(), supports.new_features()]
        .map(|part| (part * dimension as f64).round() as usize);
    let coordinate = |index: usize| match index {
        i if i < counts[0] => (1, true),
        i if i < counts[0] + counts[1] => (1, false),
        i => (0, i < counts[0] + counts[1] + counts[2]),
    };
    let kind: Vec<(usize, bool)> = (0..dimension).map(coordinate).collect();
    let truth: Vec<f64> = kind
        .iter()
        .map(|&(_, active)| if active { variance.sqrt() * random.pair()[0] } else { 0.0 })
        .collect();
    let scale = (1.0 / dimension as f64).sqrt();
    let mut matrix = vec![0.0_f32; rows * dimension];
    for pair in matrix.chunks_mut(2) {
        for (entry, normal) in pair.iter_mut().zip(random.pair()) {
            *entry = (scale * normal) as f32;
        }
    }
    let row = |i: usize| &matrix[i * dimension..(i + 1) * dimension];
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let parts = a.chunks(64).zip(b.chunks(64));
        parts.map(|(a, b)| f64::from(a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>())).sum()
    };
    let single = |vector: &[f64]| vector.iter().map(|x| *x as f32).collect::<Vec<f32>>();
    let target = single(&truth);
    let deviation = samples.noise_variance().sqrt();
    let labels: Vec<f64> =
        (0..rows).map(|i| dot(row(i), &target) + deviation * random.pair()[0]).collect();
    let (mut estimate, mut residual) = (vec![0.0; dimension], labels.clone());
    for _ in 0..steps {
        // z = beta + X^T r / alpha, with noise |r|²/(N alpha).
        let mut z = vec![0.0_f32; dimension];
        for (i, r) in residual.iter().enumerate() {
            let r = *r as f32;
            for (sum, x) in z.iter_mut().zip(row(i)) {
                *sum += x * r;
            }
        }
        let alpha = samples.sample_ratio();
        let noise = residual.iter().map(|r| r * r).sum::<f64>() / rows as f64 / alpha;
        let mut slope = 0.0;
        for (d, sum) in z.iter().enumerate() {
            let z = estimate[d] + f64::from(*sum) / alpha;
            let [mean, spread] = posterior(densities[kind[d].0], variance, noise, z);
            estimate[d] = mean;
            slope += spread / noise;
        }
        let memory = slope / dimension as f64 / alpha;
        let short = single(&estimate);
        for (i, r) in residual.iter_mut().enumerate() {
            *r = labels[i] - dot(row(i), &short) + memory * *r;
        }
    }
    let squares: Vec<f64> = estimate.iter().zip(&truth).map(|(a, b)| (a - b).powi(2)).collect();
    let mean = squares.iter().sum::<f64>() / dimension as f64;
    let spread = squares.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / dimension as f64;
    [mean, (spread / dimension as f64).sqrt()]
}

/// Message passing ends at the largest root, within what one draw of the coordinates tells.
fn check_message_passing(dimension: usize, seed: u64) {
    let task = Task::new(
        Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 }).unwrap(),
    )
    .unwrap();
    for (ratio, noise) in [(0.25, 0.05), (0.13, 1e-4)] {
        let samples = Samples::new(ratio).unwrap().with_noise_variance(noise).unwrap();
        let solution = BayesOptimal::after_pretraining(&task).unwrap().solve(&samples).unwrap();
        let expected = solution.message_passing().generalization_error();
        let [error, spread] = message_passing(&task, &samples, dimension, 30, seed);
        // How errors of one step grow until the last, by the slope of the learning curve in noise.
        let step = 1e-4 * ratio * solution.message_passing().effective_noise_variance;
        let moved = samples.with_noise_variance(noise + step).unwrap();
        let moved = BayesOptimal::after_pretraining(&task).unwrap().solve(&moved).unwrap();
        let growth = 1.0 + (moved.message_passing().generalization_error() - expected) / step;
        let deviations = (error - expected) / (spread * growth);
        println!(
            "{ratio} {noise}: {error} for {expected}, {deviations:.2} deviations of {spread} x {growth:.2}"
        );
        assert!(deviations.abs() < 3.5, "{ratio}: {error} for {expected}");
    }
}

#[test]
fn message_passing_lands_on_the_largest_root() {
    check_message_passing(2000, 1);
}

#[test]
#[ignore = "half a gigabyte and half a minute"]
fn message_passing_lands_on_the_largest_root_at_twenty_thousand() {
    check_message_passing(20_000, 2);
}
