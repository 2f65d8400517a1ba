//! The theory against networks of finite size, and the exact end point of training against
//! independent solutions and against training itself.

#![cfg(all(feature = "simulation", feature = "quadrature"))]

use std::collections::HashMap;

use crate::common::fixture;
use diagonet::simulation::{
    Dataset, Ensemble, Experiment, GradientDescent, GradientFlow, Interpolator, MonteCarlo,
    Network, OwnData, Shard, Statistic, SupportSampling, Trainer,
};
use diagonet::{
    CoordinateGroup, Densities, Error, FeatureClass, GroupLabel, Initialization, Law, Prior,
    Protocol, Samples, ScaleMap, Scales, Solver, Supports, Task, Transfer,
};
use nalgebra::{DMatrix, DVector};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Budget of the exact end point, relative to the norm of the coefficients.
const EXACT: f64 = 1e-12;

/// Labels and inputs of the reference problems: numbers that floats hold exactly.
fn reference_data(samples: usize, dimension: usize) -> Dataset {
    let labels = if samples == 2 {
        vec![4.0, -1.0]
    } else {
        [1.0, -2.0, 0.5, 3.0, 0.25][..samples].to_vec()
    };
    let input = |i: usize, j: usize| (((7 * i + 11 * j + 3 * i * j) % 16) as f64 - 7.5) / 8.0;
    Dataset::new(DMatrix::from_fn(samples, dimension, input), DVector::from_vec(labels)).unwrap()
}

#[test]
fn end_points_reproduce_solutions_of_sixty_digits() {
    let mut cases: HashMap<u64, Vec<HashMap<String, f64>>> = HashMap::new();
    for row in fixture("interpolators.csv") {
        cases.entry(row["case"] as u64).or_default().push(row);
    }
    assert_eq!(cases.len(), 11);
    for (case, rows) in cases {
        let column = |name: &str| DVector::from_iterator(rows.len(), rows.iter().map(|r| r[name]));
        let data = reference_data(rows[0]["samples"] as usize, rows.len());
        let interpolator =
            Interpolator::new().with_explicit_penalty(rows[0]["explicit_penalty"]).unwrap();
        let result = interpolator.solve_from(&data, &column("scale"), &column("start")).unwrap();
        let expected = column("coefficient");
        let distance = (&result.coefficients - &expected).norm() / expected.norm();
        assert!(distance < EXACT, "case {case}: {distance:e}");
    }
}

fn initialization(absolute_scale: f64, relative_scale: f64) -> Initialization {
    Initialization::new(Scales { absolute: absolute_scale, relative: relative_scale }).unwrap()
}

fn scale_map(absolute_scale: f64, relative_scale: f64, readout_scale: f64) -> ScaleMap {
    ScaleMap::new(initialization(absolute_scale, relative_scale), readout_scale).unwrap()
}

fn task(rho_pt: f64, rho_ft: f64, overlap: f64) -> Task {
    Task::new(
        Supports::new(Densities { pretraining: rho_pt, fine_tuning: rho_ft, overlap }).unwrap(),
    )
    .unwrap()
}

/// Name, relative scale and readout scale of the four regimes.
const REGIMES: [(&str, f64, f64); 4] =
    [("I", -0.999_999, 1e-6), ("II", 0.0, 0.0), ("III", 0.0, 10.0), ("IV", -0.99, 0.0)];

#[test]
fn training_in_the_weights_ends_at_the_exact_end_point_in_all_regimes() {
    // The flow is exact to its tolerance; descent with finite steps moves the conserved quantities,
    // and with them the end point, in proportion to the learning rate.
    const FLOW: f64 = 1e-7;
    const DESCENT: f64 = 0.01;
    for (name, lambda, gamma) in REGIMES {
        let exact = Experiment::new(
            Transfer::new(&task(0.2, 0.2, 0.5), scale_map(1e-3, lambda, gamma)),
            Samples::new(0.4).unwrap(),
            60,
        )
        .unwrap();
        let draw = exact.draw(11, 0).unwrap();
        let expected = exact.train(&draw).unwrap();
        let distance = |trainer| {
            let outcome = exact.clone().with_trainer(trainer).train(&draw).unwrap();
            (outcome.coefficients - &expected.coefficients).norm() / expected.coefficients.norm()
        };
        let flow = GradientFlow::new().with_max_steps(2_000_000);
        let descent = GradientDescent::new().with_max_epochs(5_000_000);
        let [flow, descent] = [distance(Trainer::Flow(flow)), distance(Trainer::Descent(descent))];
        println!("{name}: flow {flow:e}, descent {descent:e}");
        assert!(flow < FLOW, "{name}: {flow:e}");
        assert!(descent < DESCENT, "{name}: {descent:e}");
    }
}

#[test]
fn both_stages_trained_in_the_weights_agree_with_the_exact_stages() {
    const FLOW: f64 = 1e-6;
    let task = task(0.2, 0.2, 0.5)
        .with_pretraining_prior(Prior::gaussian(0.0, 1.0).unwrap())
        .and_then(|task| task.with_correlation(0.5))
        .unwrap();
    let samples = Samples::new(0.4).unwrap().with_noise_variance(0.01).unwrap();
    let transfer =
        Transfer::new(&task, scale_map(0.05, -0.5, 0.1)).with_pretraining_samples(samples);
    let exact = Experiment::new(transfer, samples, 60).unwrap();
    let flow = exact.clone().with_trainer(Trainer::Flow(GradientFlow::new()));
    let draw = exact.draw(12, 3).unwrap();
    let [exact, flow] = [exact, flow].map(|experiment| experiment.train(&draw).unwrap());
    let pretrained = |outcome: &diagonet::simulation::Outcome| {
        outcome.pretraining.as_ref().unwrap().coefficients.clone()
    };
    let far = |a: &DVector<f64>, b: &DVector<f64>| (a - b).norm() / a.norm();
    assert!(far(&pretrained(&exact), &pretrained(&flow)) < FLOW);
    assert!(far(&exact.coefficients, &flow.coefficients) < FLOW);
}

#[test]
fn flow_conserves_what_the_theory_says() {
    const DRIFT: f64 = 1e-9;
    let experiment = Experiment::new(
        Transfer::new(&task(0.2, 0.2, 0.5), scale_map(1e-2, -0.5, 0.1)),
        Samples::new(0.4).unwrap(),
        60,
    )
    .unwrap();
    let data = experiment.draw(13, 0).unwrap().data().clone();
    for (c, lambda) in [(1e-2, -0.5), (1e-2, 0.9), (1.0, 0.0), (10.0, -0.9)] {
        let initialization = initialization(c, lambda);
        let start = Network::uniform(&initialization, 60);
        let training = GradientFlow::new().train(start, &data).unwrap().finished().unwrap();
        assert!(training.drift < DRIFT, "{c} {lambda}: {:e}", training.drift);
        // The weights are the theory's function of the coefficient.
        for d in 0..60 {
            let weights = training.network.weights(d).unwrap();
            let theory = initialization.weights(weights.coefficient()).unwrap();
            for (ours, theirs) in [(weights.plus, theory.plus), (weights.minus, theory.minus)] {
                let size = theirs.first_layer().hypot(theirs.readout());
                assert!((ours.first_layer() - theirs.first_layer()).abs() < DRIFT * size);
                assert!((ours.readout() - theirs.readout()).abs() < DRIFT * size);
            }
        }
        let exact = Interpolator::new().solve(&data, &DVector::from_element(60, c)).unwrap();
        let distance = training.distance(&exact.coefficients).unwrap();
        assert!(distance < 1e-12, "{c} {lambda}: {distance:e}");
    }
}

/// Probability that one of the tests against the theory fails although the theory is exact.
const FAMILY_WISE: f64 = 1e-3;

/// Deviation, in standard errors, that one of `comparisons` means exceeds with probability
/// `FAMILY_WISE` by Bonferroni's bound, if single draws are Gaussian.
fn critical(comparisons: usize, draws: u64) -> f64 {
    let student = StudentsT::new(0.0, 1.0, draws as f64 - 1.0).unwrap();
    student.inverse_cdf(1.0 - FAMILY_WISE / (2.0 * comparisons as f64))
}

#[test]
fn theory_is_within_the_statistical_error_of_simulation() {
    const DRAWS: u64 = 60;
    const DIMENSION: usize = 400;
    let mixture = |groups: &[(f64, Prior, f64)]| {
        let groups = groups.iter().map(|&(weight, prior, scale)| {
            CoordinateGroup::new(format!("{weight} at {scale:e}"), weight, prior, scale).unwrap()
        });
        Law::new(groups.collect()).unwrap()
    };
    let gaussian = |mean, variance| Prior::gaussian(mean, variance).unwrap();
    let atom = |value| Prior::atom(value).unwrap();
    let samples = |alpha, noise| Samples::new(alpha).unwrap().with_noise_variance(noise).unwrap();
    let transfer = |task, map, samples| {
        Experiment::new(Transfer::new(&task, map), samples, DIMENSION).unwrap()
    };
    let alone = |law, samples| Experiment::of_law(law, samples, DIMENSION).unwrap();
    let mut experiments = Vec::new();
    for (_, lambda, gamma) in REGIMES {
        for (task, samples) in [
            (task(0.1, 0.1, 0.0), samples(0.15, 0.0)),
            (task(0.2, 0.1, 1.0), samples(0.15, 0.1)),
            (task(0.3, 0.4, 0.5), samples(0.4, 0.2)),
        ] {
            experiments.push(transfer(task, scale_map(1e-3, lambda, gamma), samples));
        }
    }
    // Opposite signs, same signs; other sizes; Bernoulli supports.
    for q in [-1.0, 0.7] {
        let related = task(0.2, 0.2, 1.0).with_correlation(q).unwrap();
        experiments.push(transfer(related, scale_map(0.1, -0.5, 0.3), samples(0.3, 0.05)));
    }
    experiments.push(
        transfer(task(0.3, 0.3, 0.5), scale_map(0.1, 0.5, 0.0), samples(0.3, 0.05))
            .with_support_sampling(SupportSampling::Bernoulli),
    );
    // Laws by hand: means, atoms, mixed scales, frozen coordinates, more samples than movable ones.
    let mixed = mixture(&[
        (0.25, gaussian(1.0, 0.5), 1.0),
        (0.25, atom(-1.0), 0.01),
        (0.5, Prior::ZERO, 0.1),
    ]);
    let frozen = mixture(&[(0.5, gaussian(0.0, 1.0), 1.0), (0.5, gaussian(0.0, 0.2), 0.0)]);
    experiments.extend([
        alone(mixed.clone(), samples(0.5, 0.0)),
        alone(mixed, samples(0.8, 0.3)),
        alone(frozen.clone(), samples(0.25, 0.1)),
        alone(frozen, samples(1.0, 0.1)),
        alone(mixture(&[(1.0, gaussian(0.0, 1.0), 1e-12)]), samples(0.5, 0.0)),
    ]);

    let mut comparisons = Vec::new();
    for (index, experiment) in experiments.iter().enumerate() {
        let plan = MonteCarlo::new(DRAWS).unwrap().with_seed(index as u64);
        let ensemble = plan.run(experiment).unwrap();
        let report = experiment.prediction(&Solver::new()).unwrap();
        let mut compare = |quantity: String, theory: f64| {
            let statistic = ensemble.statistic(&quantity).unwrap();
            // Frozen coordinates whose coefficients are zero have no error at all.
            match statistic.z_score(theory) {
                Some(z) => comparisons.push((index, quantity, statistic, theory, z)),
                None => assert_eq!(statistic.mean, theory),
            }
        };
        compare("generalization_error".into(), report.generalization_error());
        for group in report.errors.groups.iter().filter(|group| group.weight > 0.0) {
            compare(format!("generalization_error:{}", group.label), group.error);
        }
    }
    let critical = critical(comparisons.len(), DRAWS);
    println!("{} comparisons, {critical} standard errors allowed", comparisons.len());
    let worst = comparisons.iter().map(|(.., z)| z.abs()).fold(0.0, f64::max);
    let mean_square =
        comparisons.iter().map(|(.., z)| z * z).sum::<f64>() / comparisons.len() as f64;
    println!("worst {worst}, mean square {mean_square}");
    for (index, quantity, statistic, theory, z) in &comparisons {
        assert!(z.abs() < critical, "{index} {quantity}: {statistic:?} against {theory}, z = {z}");
    }
    // The deviations are not too small to be true, either.
    assert!(mean_square > 0.5 && mean_square < 2.0, "{mean_square}");
}

/// Problems with two stages, from the section of the theory that each is about.
fn two_stages() -> Vec<(&'static str, Transfer, Samples)> {
    let samples = |alpha, noise| Samples::new(alpha).unwrap().with_noise_variance(noise).unwrap();
    let gaussian = Prior::gaussian(0.0, 5.0).unwrap();
    let related = |task: Task, prior, q| {
        task.with_pretraining_prior(prior).and_then(|task| task.with_correlation(q)).unwrap()
    };
    let inside = related(task(0.2, 0.1, 1.0), gaussian, 0.8);
    let constant = Prior::atom(2.0).unwrap();
    let check = Transfer::new(&inside, scale_map(0.01, -0.9, 0.0))
        .with_pretraining_samples(samples(0.4, 0.01));
    let opposite =
        Transfer::new(&related(task(0.3, 0.2, 0.5), constant, -1.0), scale_map(0.1, 0.5, 0.3));
    let partial =
        Transfer::new(&related(task(0.3, 0.3, 0.5), gaussian, 0.5), scale_map(0.05, -0.5, 0.0));
    vec![
        ("fewer pretraining samples than coordinates", check.clone(), samples(0.25, 0.0)),
        ("continued", check.with_protocol(Protocol::Continued), samples(0.25, 0.05)),
        (
            "opposite signs",
            opposite.clone().with_pretraining_samples(samples(0.5, 0.1)),
            samples(0.3, 0.1),
        ),
        (
            "pretraining by least squares",
            opposite.clone().with_pretraining_samples(samples(2.0, 1.0)),
            samples(0.3, 0.1),
        ),
        (
            "continued from least squares",
            opposite
                .clone()
                .with_pretraining_samples(samples(1.5, 1.0))
                .with_protocol(Protocol::Continued),
            samples(0.4, 0.1),
        ),
        ("unlimited pretraining data", partial.clone(), samples(0.3, 0.02)),
        (
            "as many pretraining samples as determine the task",
            partial.clone().with_pretraining_samples(samples(1.2, 0.0)),
            samples(0.3, 0.02),
        ),
        (
            "continued from unlimited data",
            opposite.with_protocol(Protocol::Continued),
            samples(0.3, 0.1),
        ),
        (
            "lazy in both stages",
            Transfer::new(partial.task(), scale_map(10.0, 0.2, 1.0))
                .with_pretraining_samples(samples(0.6, 0.2)),
            samples(0.5, 0.2),
        ),
        (
            "more samples than coordinates in both stages",
            partial.with_pretraining_samples(samples(1.5, 0.5)),
            samples(2.0, 0.5),
        ),
    ]
}

#[test]
fn every_quantity_of_two_stages_is_within_the_statistical_error_of_simulation() {
    let problems = two_stages().into_iter().map(|(name, t, s)| (name.to_owned(), t, s));
    check_all_quantities(problems.collect(), 100);
}

/// One of every kind of protocol.
const PROTOCOLS: [&str; 11] = [
    "rebalanced 0.5",
    "continued",
    "rescaled 2 0.7",
    "learning_rates 5",
    "learning_rates 0.2",
    "readout_reset",
    "probe_kept",
    "probe_reset",
    "probe_rebalanced 2",
    "frozen_readout",
    "adapter 0.4",
];

#[test]
fn every_protocol_is_within_the_statistical_error_of_simulation() {
    let samples = |alpha, noise| Samples::new(alpha).unwrap().with_noise_variance(noise).unwrap();
    let constant = task(0.2, 0.1, 0.8)
        .with_pretraining_magnitude(1.0)
        .and_then(|task| task.with_correlation(0.5))
        .unwrap();
    let gaussian = task(0.2, 0.1, 0.8)
        .with_pretraining_prior(Prior::gaussian(0.0, 5.0).unwrap())
        .and_then(|task| task.with_correlation(0.8))
        .unwrap();
    let unlimited = Transfer::new(&constant, scale_map(0.1, -0.5, 0.6));
    let finite = Transfer::new(&gaussian, scale_map(0.05, -0.3, 0.4))
        .with_pretraining_samples(samples(0.5, 0.05));
    let mut problems = Vec::new();
    for name in PROTOCOLS {
        let protocol: Protocol = name.parse().unwrap();
        for (transfer, data) in [(&unlimited, "unlimited"), (&finite, "finite")] {
            let transfer = transfer.clone().with_protocol(protocol);
            problems.push((format!("{name}, {data}"), transfer, samples(0.3, 0.05)));
        }
    }
    check_all_quantities(problems, 300);
}

/// Protocols act on the weights of a network: training these ends where the scales and starts of the
/// theory say, also where a layer is frozen or a branch is added.
#[test]
fn training_in_the_weights_ends_at_the_exact_end_point_in_all_protocols() {
    let samples = |alpha| Samples::new(alpha).unwrap().with_noise_variance(0.05).unwrap();
    let task = task(0.2, 0.2, 0.8)
        .with_pretraining_prior(Prior::gaussian(0.0, 2.0).unwrap())
        .and_then(|task| task.with_correlation(0.5))
        .unwrap();
    let unlimited = Transfer::new(&task, scale_map(0.2, -0.5, 0.6));
    let finite = unlimited.clone().with_pretraining_samples(samples(0.6));
    for name in PROTOCOLS {
        for transfer in [&unlimited, &finite] {
            let transfer = transfer.clone().with_protocol(name.parse().unwrap());
            let exact = Experiment::new(transfer, samples(0.4), 40).unwrap();
            let flow = exact.clone().with_trainer(Trainer::Flow(GradientFlow::new()));
            let draw = exact.draw(7, 0).unwrap();
            let [exact, flow] = [exact, flow].map(|e| e.train(&draw).unwrap().coefficients);
            let distance = (&flow - &exact).norm() / exact.norm();
            assert!(distance < 1e-6, "{name}: {distance:e}");
        }
    }
}

/// Compares all quantities of both stages, the moments of the estimates and their discoveries with 60
/// draws of every problem.
fn check_all_quantities(problems: Vec<(String, Transfer, Samples)>, first_seed: u64) {
    const DRAWS: u64 = 60;
    const CUT: f64 = 0.5;
    const ROUNDING: f64 = 1e-12;
    let mut comparisons: Vec<(String, String, f64)> = Vec::new();
    for (index, (name, transfer, samples)) in problems.into_iter().enumerate() {
        let experiment = Experiment::new(transfer.clone(), samples, 400)
            .unwrap()
            .with_support_sampling(if index % 2 == 0 {
                SupportSampling::ExactSizes
            } else {
                SupportSampling::Bernoulli
            })
            .with_training_from_scratch();
        let labels = experiment.draw(0, 0).unwrap().labels().to_vec();
        let mut quantities = experiment.quantities();
        let errors = quantities.len();
        for label in &labels {
            quantities
                .extend(["mean", "mean square", "discovered"].map(|q| format!("{q}: {label}")));
        }
        let plan = MonteCarlo::new(DRAWS).unwrap().with_seed(first_seed + index as u64);
        let ensemble = plan.run_with(
            quantities.clone(),
            |_| {},
            |seed, index| {
                let draw = experiment.draw(seed, index)?;
                let outcome = experiment.train(&draw)?;
                let mut values = outcome.values();
                for group in 0..labels.len() {
                    let members = || {
                        let pairs = outcome.coefficients.iter().zip(draw.groups());
                        pairs.filter(move |(_, of)| **of == group).map(|(b, _)| *b)
                    };
                    let mean = |x: fn(f64) -> f64| {
                        let count = members().count() as f64;
                        (count > 0.0).then(|| members().map(x).sum::<f64>() / count)
                    };
                    values.extend([
                        mean(|b| b),
                        mean(|b| b * b),
                        mean(|b| f64::from(u8::from(b.abs() > CUT))),
                    ]);
                }
                Ok(values)
            },
        );
        let ensemble = ensemble.unwrap();
        let solver = Solver::new();
        let mut theory = experiment.predictions(&solver).unwrap();
        assert_eq!(theory.len(), errors);
        let samples = experiment.samples();
        let solution = solver.solve(&transfer, &samples).unwrap();
        let statistics = solution.fine_tuning.statistics(CUT).unwrap();
        for label in &labels {
            let group = statistics.group(label.as_str()).map(|group| group.estimates);
            theory.extend([
                group.map(|group| group.mean),
                group.map(|group| group.variance + group.mean * group.mean),
                group.map(|group| group.discovery_rate),
            ]);
        }
        for (quantity, theory) in quantities.iter().zip(theory) {
            let (Some(statistic), Some(theory)) = (ensemble.statistic(quantity), theory) else {
                continue;
            };
            // What is certain is only rounded.
            if (statistic.mean - theory).abs() < ROUNDING {
                continue;
            }
            let z = statistic.z_score(theory).unwrap_or(f64::INFINITY);
            comparisons.push((name.clone(), quantity.clone(), z));
        }
    }
    let critical = critical(comparisons.len(), DRAWS);
    let worst = comparisons.iter().map(|(.., z)| z.abs()).fold(0.0, f64::max);
    let mean_square =
        comparisons.iter().map(|(.., z)| z * z).sum::<f64>() / comparisons.len() as f64;
    println!("{} comparisons, {critical} allowed", comparisons.len());
    println!("worst {worst}, mean square {mean_square}");
    for (name, quantity, z) in &comparisons {
        assert!(z.abs() < critical, "{name}, {quantity}: z = {z}");
    }
    assert!(mean_square > 0.5 && mean_square < 2.0, "{mean_square}");
}

/// Next to the recovery threshold, simulation is biased by an amount that falls with the size of the
/// network. The theory is its limit: extrapolated in 1/D from two sizes, the bias is gone.
#[test]
fn finite_size_bias_vanishes_next_to_the_recovery_threshold() {
    let law = Law::new(vec![
        CoordinateGroup::new("signal", 0.1, Prior::gaussian(0.0, 10.0).unwrap(), 1e-6).unwrap(),
        CoordinateGroup::new("background", 0.9, Prior::ZERO, 1e-6).unwrap(),
    ])
    .unwrap();
    let run = |dimension, draws: u64| -> (Statistic, f64) {
        let experiment =
            Experiment::of_law(law.clone(), Samples::new(0.4).unwrap(), dimension).unwrap();
        let plan = MonteCarlo::new(draws).unwrap().with_seed(dimension as u64);
        let error = plan.run(&experiment).unwrap().statistic("generalization_error").unwrap();
        let theory = experiment.prediction(&Solver::new()).unwrap().generalization_error();
        (error, theory)
    };
    let (small, theory) = run(100, 1200);
    let (middle, _) = run(200, 600);
    let (large, _) = run(400, 300);
    println!("{small:?} {middle:?} {large:?} {theory}");
    // The bias is there at the smallest size, beyond doubt, and falls.
    assert!(small.z_score(theory).unwrap() > 5.0);
    assert!(middle.mean - theory < small.mean - theory);
    // These weights cancel terms of 1/D and 1/D².
    let weights = [1.0 / 3.0, -2.0, 8.0 / 3.0];
    let sizes = [small, middle, large];
    let terms = || weights.iter().zip(&sizes);
    let extrapolated: f64 = terms().map(|(weight, size)| weight * size.mean).sum();
    let variance: f64 = terms().map(|(weight, size)| (weight * size.standard_error).powi(2)).sum();
    let z = (extrapolated - theory) / variance.sqrt();
    println!("extrapolated {extrapolated}, z = {z}");
    assert!(z.abs() < critical(1, 300), "{extrapolated} {theory} {z}");
}

#[test]
fn neither_threads_nor_shards_change_a_number() {
    let experiment = Experiment::new(
        Transfer::new(&task(0.2, 0.1, 0.5), scale_map(1e-3, -0.5, 0.0)),
        Samples::new(0.3).unwrap(),
        80,
    )
    .unwrap();
    let plan = MonteCarlo::new(12).unwrap().with_seed(4);
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| plan.run(&experiment).unwrap())
    };
    let whole = with_threads(1);
    assert_eq!(with_threads(4), whole);
    let shards =
        (1..=5).map(|k| plan.with_shard(Shard::new(k, 5).unwrap()).run(&experiment).unwrap());
    assert_eq!(Ensemble::merge(shards).unwrap(), whole);
}

#[test]
fn draws_are_the_published_ones() {
    // Bits, because a draw is to be the same on every machine and in every version.
    let experiment = Experiment::new(
        Transfer::new(&task(0.4, 0.4, 0.5), scale_map(1e-3, -0.5, 0.0)),
        Samples::new(0.4).unwrap().with_noise_variance(0.1).unwrap(),
        10,
    )
    .unwrap();
    let draw = experiment.draw(2026, 5).unwrap();
    let labels: Vec<_> = draw.groups().iter().map(|&group| draw.labels()[group].clone()).collect();
    let classes = [FeatureClass::Shared, FeatureClass::Shared, FeatureClass::New];
    assert_eq!(labels[..3], classes.map(GroupLabel::from));
    let bits = [draw.coefficients()[0], draw.data().inputs()[(3, 9)], draw.data().labels()[3]];
    assert_eq!(
        bits.map(f64::to_bits),
        [13_828_186_270_310_501_479, 4_596_575_888_425_519_371, 13_831_891_761_617_994_847]
    );
}

#[test]
fn own_coefficients_and_data_are_trained_on() {
    let scales = Scales { absolute: 1e-3, relative: -0.5 };
    let scale_map = ScaleMap::new(Initialization::new(scales).unwrap(), 0.0).unwrap();
    let task = Task::new(
        Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 }).unwrap(),
    );
    let transfer = Transfer::new(&task.unwrap(), scale_map);
    let experiment = Experiment::new(transfer.clone(), Samples::new(0.3).unwrap(), 60).unwrap();
    let drawn = experiment.draw(5, 0).unwrap();
    let own = |dimension: usize| OwnData {
        pretraining_coefficients: drawn.pretraining_coefficients().rows(0, dimension).into(),
        coefficients: drawn.coefficients().clone(),
        pretraining_data: None,
        data: drawn.data().clone(),
    };
    // What is drawn, handed in again, is the same draw.
    assert_eq!(experiment.own_draw(own(60)).unwrap(), drawn);
    assert!(matches!(
        experiment.own_draw(own(59)),
        Err(Error::DimensionMismatch {
            parameter: "pretraining_coefficients",
            expected: 60,
            found: 59
        })
    ));
    let finite = transfer.with_pretraining_samples(Samples::new(0.3).unwrap());
    let other = Experiment::new(finite, Samples::new(0.3).unwrap(), 60).unwrap();
    assert_eq!(other.own_draw(own(60)), Err(Error::UnequalRuns { parameter: "pretraining_data" }));
}

#[test]
fn trainers_read_back() {
    for name in ["exact", "descent", "flow"] {
        assert_eq!(name.parse::<Trainer>().unwrap().to_string(), name);
    }
    assert_eq!("exact".parse(), Ok(Trainer::default()));
    assert!("adam".parse::<Trainer>().is_err());
}
