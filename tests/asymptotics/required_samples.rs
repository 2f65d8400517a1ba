//! The samples that a target needs, from both sides: they suffice, and fewer do not.

#![cfg(feature = "quadrature")]

use crate::common::{config, decades};
use diagonet::{
    CoordinateGroup, Densities, Error, Estimator, Initialization, InitializationDesign, Law, Prior,
    Samples, ScaleMap, Scales, Solver, Supports, Task,
};
use proptest::prelude::*;

/// How far an error may be from the target for its side not to count.
const BUDGET: f64 = 2.0 * Solver::ACCURACY;

/// Relative steps down from the required sample ratio at which the target must not be met.
const STEPS: [f64; 8] = [1e-9, 1e-7, 1e-5, 1e-3, 0.01, 0.1, 0.3, 0.9];

/// A law and its learning curve.
#[derive(Debug, Clone)]
struct Problem {
    law: Law,
    noise: f64,
    solver: Solver,
}

impl Problem {
    /// Infinite where the curve diverges.
    fn error(&self, sample_ratio: f64) -> f64 {
        let samples = Samples::new(sample_ratio).unwrap().with_noise_variance(self.noise).unwrap();
        match self.solver.solve(&self.law, &samples) {
            Ok(report) => report.generalization_error(),
            Err(Error::Diverges { .. }) => f64::INFINITY,
            Err(problem) => panic!("{problem} at {sample_ratio} of {self:?}"),
        }
    }

    fn required(&self, target: f64) -> diagonet::Result<f64> {
        self.solver.required_sample_ratio(&self.law, self.noise, target)
    }

    /// Whether the required ratio meets the target, and no smaller one does.
    fn check(&self, target: f64) -> std::result::Result<(), TestCaseError> {
        match self.required(target) {
            Ok(ratio) => self.check_ratio(target, ratio),
            Err(Error::UnattainableError { lowest_error, .. }) => {
                prop_assert!(lowest_error > target);
                for i in 0..40 {
                    let error = self.error(10.0_f64.powf(-4.0 + 0.2 * f64::from(i)));
                    prop_assert!(error > target * (1.0 - BUDGET), "{error} {target} {self:?}");
                }
                Ok(())
            }
            Err(problem) => panic!("{problem} for {target} of {self:?}"),
        }
    }

    fn check_ratio(&self, target: f64, ratio: f64) -> std::result::Result<(), TestCaseError> {
        if ratio == 0.0 {
            return Ok(());
        }
        let there = self.error(ratio);
        prop_assert!(there <= target * (1.0 + BUDGET), "{there} {target} at {ratio} of {self:?}");
        for step in STEPS {
            let below = self.error(ratio * (1.0 - step));
            prop_assert!(
                below > target * (1.0 - BUDGET),
                "{below} {target} at {ratio} less {step} of {self:?}"
            );
        }
        Ok(())
    }

    /// Minima of the curve between sample ratios 0.01 and 3, to rounding, by the golden section.
    fn minima(&self) -> Vec<f64> {
        const COUNT: u32 = 80;
        let ratio = |i: u32| 0.01 * 300.0_f64.powf(f64::from(i) / f64::from(COUNT));
        let errors: Vec<_> = (0..=COUNT).map(|i| self.error(ratio(i))).collect();
        let is_minimum =
            |&i: &u32| (1..3).all(|k| errors[i as usize] < errors[(i + 2 * k - 3) as usize]);
        let minimum = |i: u32| {
            let section = 0.5 * (5.0_f64.sqrt() - 1.0);
            let (mut low, mut high) = (ratio(i - 1), ratio(i + 1));
            while high - low > 1e-7 * high {
                let width = section * (high - low);
                if self.error(high - width) < self.error(low + width) {
                    high = low + width;
                } else {
                    low = high - width;
                }
            }
            self.error(0.5 * (low + high))
        };
        (1..COUNT).filter(is_minimum).map(minimum).collect()
    }
}

fn group() -> impl Strategy<Value = (f64, Prior, f64, f64)> {
    let prior = prop_oneof![
        Just(Prior::ZERO),
        decades(-1.0, 1.0).prop_map(|variance| Prior::gaussian(0.0, variance).unwrap()),
        decades(-0.5, 0.5).prop_map(|magnitude| Prior::atom(magnitude).unwrap()),
    ];
    let start = prop_oneof![3 => Just(0.0), 1 => -2.0..2.0_f64];
    (0.02..1.0_f64, prior, decades(-4.0, 1.0), start)
}

fn problem() -> impl Strategy<Value = Problem> {
    let noise = prop_oneof![Just(0.0), decades(-4.0, 0.0)];
    let penalty = prop_oneof![4 => Just(0.0), 1 => decades(-3.0, 1.0)];
    (prop::collection::vec(group(), 1..4), noise, penalty).prop_map(|(groups, noise, penalty)| {
        let total: f64 = groups.iter().map(|(weight, ..)| weight).sum();
        let group = |(i, &(weight, prior, scale, start)): (usize, &(f64, Prior, f64, f64))| {
            let group = CoordinateGroup::new(i.to_string(), weight / total, prior, scale).unwrap();
            group.with_start(start).unwrap()
        };
        let law = Law::new(groups.iter().enumerate().map(group).collect()).unwrap();
        let solver = Solver::new().with_explicit_penalty(penalty).unwrap();
        Problem { law, noise, solver }
    })
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn the_required_samples_suffice_and_fewer_do_not(
        problem in problem(),
        shares in prop::collection::vec(prop_oneof![0.0..1.0_f64, decades(-6.0, 0.0)], 3),
    ) {
        for share in shares {
            problem.check(share * problem.error(1e-9))?;
        }
    }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn targets_next_to_the_minima_of_a_curve_are_met_there(
        problem in problem(),
        excess in decades(-8.0, -1.0),
    ) {
        for minimum in problem.minima() {
            problem.check(minimum * (1.0 + excess))?;
            problem.check(minimum * (1.0 - excess))?;
        }
    }
}

#[test]
fn fewer_samples_of_fine_tuning_do_not_suffice() {
    for (lambda, gamma, noise) in [(0.0, 0.0, 0.0), (-0.9, 0.0, 0.0), (0.5, 0.1, 0.01)] {
        let task = Task::new(
            Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 }).unwrap(),
        )
        .unwrap();
        let map = ScaleMap::new(
            Initialization::new(Scales { absolute: 1e-3, relative: lambda }).unwrap(),
            gamma,
        )
        .unwrap();
        let law = Law::fine_tuning(&task, &map).unwrap();
        let problem = Problem { law, noise, solver: Solver::new() };
        for i in 1..40 {
            problem.check(0.1 * 0.9_f64.powi(i)).unwrap();
        }
        problem.check(0.1).unwrap();
    }
}

#[test]
fn sparse_recovery_needs_no_more_than_it_must() {
    let groups = vec![
        CoordinateGroup::new("signal", 0.1, Prior::gaussian(0.0, 10.0).unwrap(), 1e-3).unwrap(),
        CoordinateGroup::new("background", 0.9, Prior::ZERO, 1e-3).unwrap(),
    ];
    let law = Law::new(groups).unwrap();
    let problem = Problem { law, noise: 0.0, solver: Solver::new() };
    let ratio = problem.required(0.106).unwrap();
    assert!((ratio / 0.327_853_528_475_57 - 1.0).abs() < 1e-11, "{ratio}");
    for i in 1..200 {
        problem.check(0.005 * f64::from(i)).unwrap();
    }
}

#[test]
fn errors_may_rise_with_samples_without_noise() {
    // What the second group has not learned is noise to the first.
    let groups = vec![
        CoordinateGroup::new("first", 0.3, Prior::gaussian(0.0, 0.1).unwrap(), 1.0).unwrap(),
        CoordinateGroup::new("second", 0.7, Prior::gaussian(0.0, 0.01).unwrap(), 1e-3).unwrap(),
    ];
    let law = Law::new(groups).unwrap();
    let solver = Solver::new().with_estimator(Estimator::Lazy);
    let problem = Problem { law, noise: 0.0, solver };
    assert!(problem.error(0.29) > 2.0 * problem.error(0.2));
    let minima = problem.minima();
    assert_eq!(minima.len(), 1);
    for excess in [1e-8, 1e-4, 0.1] {
        let target = minima[0] * (1.0 + excess);
        assert!(problem.required(target).unwrap() < 0.3);
        problem.check(target).unwrap();
        problem.check(minima[0] * (1.0 - excess)).unwrap();
    }
}

#[test]
fn a_design_needs_no_more_samples_than_it_must() {
    let cases = [0.05, 0.1, 0.2, 0.4, 0.6, 0.8].map(|share| (0.5, 0.0, share));
    for (overlap, noise, share) in cases.into_iter().chain([(0.8, 0.01, 0.3), (0.2, 0.1, 0.6)]) {
        let task = Task::new(
            Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap }).unwrap(),
        )
        .unwrap();
        let target = share * task.mean_square();
        let design = |ratio: f64| {
            let samples = Samples::new(ratio).unwrap().with_noise_variance(noise).unwrap();
            InitializationDesign::new(&task, samples, 1e-3)
                .unwrap()
                .with_readout_scales(0.0..=0.0)
                .unwrap()
        };
        let error = |ratio: f64| design(ratio).optimum().unwrap().solution.generalization_error();
        let ratio = design(0.5).required_sample_ratio(target).unwrap();
        // The optimum is good to 1e-9.
        assert!(error(ratio) <= target * (1.0 + 1e-9), "{ratio}");
        for step in [1e-8, 1e-6, 1e-4, 1e-2, 0.3] {
            assert!(error(ratio * (1.0 - step)) > target * (1.0 - 1e-9), "{ratio} less {step}");
        }
    }
}

#[test]
fn a_design_without_a_choice_needs_what_its_law_does() {
    let task = Task::new(
        Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 }).unwrap(),
    )
    .unwrap();
    let map =
        ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: 0.0 }).unwrap(), 0.0)
            .unwrap();
    let law = Law::fine_tuning(&task, &map).unwrap();
    let design = InitializationDesign::new(&task, Samples::new(0.5).unwrap(), 1e-3).unwrap();
    let design = design.with_relative_scales(0.0..=0.0).unwrap();
    let design = design.with_readout_scales(0.0..=0.0).unwrap();
    for i in 1..60 {
        let target = error_without_samples(&task) * 0.9_f64.powi(i);
        let ratio = design.required_sample_ratio(target).unwrap();
        let problem = Problem { law: law.clone(), noise: 0.0, solver: Solver::new() };
        problem.check_ratio(target, ratio).unwrap();
        let of_law = problem.required(target).unwrap();
        assert!((ratio / of_law - 1.0).abs() < 1e-9, "{target} {ratio} {of_law}");
    }
}

/// Error without samples.
fn error_without_samples(task: &Task) -> f64 {
    task.mean_square()
}

#[test]
fn a_target_of_zero_is_met_where_it_can_be() {
    let law = |groups: &[(f64, f64, f64, f64)]| {
        let group = |&(weight, mean, variance, scale): &(f64, f64, f64, f64)| {
            CoordinateGroup::new("", weight, Prior::gaussian(mean, variance).unwrap(), scale)
                .unwrap()
        };
        Law::new(groups.iter().map(group).collect()).unwrap()
    };
    let recovered = law(&[(0.1, 0.0, 1.0, 1e-3), (0.9, 0.0, 0.0, 1e-3)]);
    let ratio = Solver::new().required_sample_ratio(&recovered, 0.0, 0.0).unwrap();
    assert!((ratio - 1.0).abs() < 1e-15, "{ratio}");
    let rich = Solver::new().with_estimator(Estimator::Rich);
    let threshold = rich.required_sample_ratio(&recovered, 0.0, 0.0).unwrap();
    let error = |ratio| {
        rich.solve(&recovered, &Samples::new(ratio).unwrap()).unwrap().generalization_error()
    };
    assert!(error(threshold) == 0.0 && error(threshold * (1.0 - 1e-12)) > 0.0, "{threshold}");
    let extreme = law(&[(8e-9, 0.348, 3.11, 0.165), (1.0 - 8e-9, 0.348, 3.11, 1e-12)]);
    let noisy = Solver::new().required_sample_ratio(&extreme, 171_768.282_746_591_95, 0.0);
    assert!(matches!(noisy, Err(Error::UnattainableError { .. })), "{noisy:?}");
}
