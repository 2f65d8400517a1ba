//! Every problem of the legal domain ends, in finite numbers or a typed error, and in bounded time.

#![cfg(feature = "quadrature")]

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use diagonet::{
    CoordinateGroup, Densities, Error, Initialization, Law, Prior, Protocol, Samples, ScaleMap,
    Scales, Solution, Solver, Supports, Task, Transfer, weighted_l1,
};

/// Problems of the default run; the environment variable `WATCHDOG_CASES` asks for more.
const CASES: usize = 100_000;

/// Time after which a problem counts as one that does not end. The slowest take a second.
const PATIENCE: Duration = Duration::from_secs(120);

/// Most evaluations of the equations, three times what the slowest of a hundred thousand problems
/// takes where it converges, and what one may take where it does not.
const MOST_ITERATIONS: [usize; 2] = [2000, 4000];

/// Most nodes for a group in one evaluation.
const MOST_NODES: usize = 50_000;

/// A generator of random numbers that is the same on every machine (Steele et al. 2014).
#[derive(Debug)]
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// In [0, 1).
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 * 0.5_f64.powi(53)
    }

    fn below(&mut self, count: usize) -> usize {
        (self.unit() * count as f64) as usize
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Of all sizes between two powers of ten.
    fn decades(&mut self, low: f64, high: f64) -> f64 {
        10.0_f64.powf(self.within(low, high))
    }

    fn sign(&mut self) -> f64 {
        if self.chance(0.5) { 1.0 } else { -1.0 }
    }
}

/// A training problem: `[weight, mean, variance, scale, start]` of its groups, and its samples.
#[derive(Debug)]
struct Problem {
    groups: Vec<[f64; 5]>,
    sample_ratio: f64,
    noise_variance: f64,
    explicit_penalty: f64,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { groups, sample_ratio, noise_variance, explicit_penalty } = self;
        write!(
            f,
            "alpha {sample_ratio:?}, noise {noise_variance:?}, kappa {explicit_penalty:?}, {groups:?}"
        )
    }
}

impl Problem {
    fn solve(&self) -> diagonet::Result<Solution> {
        let group = |(i, &[weight, mean, variance, scale, start]): (usize, &[f64; 5])| {
            CoordinateGroup::new(format!("{i}"), weight, Prior::gaussian(mean, variance)?, scale)?
                .with_start(start)
        };
        let groups: diagonet::Result<Vec<_>> = self.groups.iter().enumerate().map(group).collect();
        let law = Law::new(groups?)?;
        let samples = Samples::new(self.sample_ratio)?.with_noise_variance(self.noise_variance)?;
        Solver::new().with_explicit_penalty(self.explicit_penalty)?.solve(&law, &samples)
    }

    fn random(index: usize) -> Self {
        let random = &mut SplitMix(0x2602_2006_2000_0009 ^ ((index as u64) << 20));
        let count = if random.chance(0.99) { 1 + random.below(4) } else { 5 + random.below(46) };
        // All of one size, give or take a few decades, or anywhere.
        let spread = [0.0, 3.0, 30.0, 300.0][random.below(4)];
        let size = random.within(-300.0, 300.0);
        let tame = random.chance(0.3);
        let size = if tame { 0.1 * random.within(-10.0, 10.0) } else { size };
        let exponent = |random: &mut SplitMix, bound: f64| {
            (size + spread * random.within(-1.0, 1.0)).clamp(-bound, bound)
        };
        let mut weights: Vec<f64> = (0..count)
            .map(|_| if random.chance(0.3) { random.decades(-300.0, 0.0) } else { random.unit() })
            .collect();
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        if random.chance(0.1) {
            weights = vec![0.0, 1.0];
        }
        let scale_shift = if random.chance(0.5) { 0.0 } else { random.within(-300.0, 300.0) };
        let groups = weights
            .into_iter()
            .map(|weight| {
                let mean = if random.chance(0.5) {
                    0.0
                } else {
                    random.sign() * 10.0_f64.powf(exponent(random, 150.0))
                };
                let variance = if random.chance(0.5) {
                    0.0
                } else {
                    10.0_f64.powf(2.0 * exponent(random, 149.9))
                };
                let scale = if random.chance(0.05) {
                    0.0
                } else {
                    10.0_f64.powf((exponent(random, 300.0) + scale_shift).clamp(-300.0, 300.0))
                };
                let start = match random.below(6) {
                    _ if scale == 0.0 => 0.0,
                    0 => mean,
                    1 => mean.next_up(),
                    2 => mean * (1.0 - f64::EPSILON),
                    3 => random.sign() * 10.0_f64.powf(exponent(random, 149.9)),
                    _ => 0.0,
                };
                [weight, mean, variance, scale, start]
            })
            .collect();
        let sample_ratio = match random.below(4) {
            0 => random.decades(-300.0, 300.0),
            1 => random.decades(-6.0, 1.0),
            2 => 1.0 - random.decades(-16.0, 0.0),
            _ => random.unit(),
        }
        .max(1e-300);
        let noise_variance = match random.below(4) {
            0 => random.decades(-300.0, 300.0),
            1 => 10.0_f64.powf(2.0 * exponent(random, 149.0)),
            _ => 0.0,
        };
        let explicit_penalty = match random.below(6) {
            0 => random.decades(-300.0, 300.0),
            1 => 10.0_f64.powf(exponent(random, 300.0)),
            _ => 0.0,
        };
        Self { groups, sample_ratio, noise_variance, explicit_penalty }
    }
}

/// Finite numbers or a typed error, within the bounds on effort; true where it did not converge.
fn check(problem: &Problem) -> bool {
    match problem.solve() {
        Ok(report) => {
            let state = report.state;
            let mut errors = report.errors.groups.iter().map(|group| group.error);
            assert!(
                errors.all(|error| error.is_finite() && error >= 0.0)
                    && report.generalization_error().is_finite()
                    && state.effective_noise_variance.is_finite()
                    && state.effective_penalty >= 0.0
                    && state.residual.is_finite(),
                "{report:?}: {problem}"
            );
            let nodes = state.iterations * problem.groups.len() * MOST_NODES;
            assert!(
                state.iterations <= MOST_ITERATIONS[0] && state.integrand_evaluations <= nodes,
                "{state:?}: {problem}"
            );
            false
        }
        Err(Error::NotConverged { iterations, .. }) => {
            assert!(iterations <= MOST_ITERATIONS[1], "{iterations}: {problem}");
            true
        }
        Err(_) => false,
    }
}

/// Solves the problems on all processors, under the eyes of a thread that ends the process, with the
/// problem named, where one does not end.
#[test]
fn random_problems_of_the_whole_domain_end() {
    let cases = std::env::var("WATCHDOG_CASES").map_or(CASES, |cases| cases.parse().unwrap());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let running: Vec<Mutex<Option<(usize, Instant)>>> =
        (0..workers).map(|_| Mutex::new(None)).collect();
    let (next, unsolved, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let work = |slot: &Mutex<Option<(usize, Instant)>>| {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                *slot.lock().unwrap() = (index < cases).then(|| (index, Instant::now()));
                if index >= cases {
                    return;
                }
                let failed = check(&Problem::random(index));
                unsolved.fetch_add(usize::from(failed), Ordering::Relaxed);
            }
        };
        let watch = || {
            while !done.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(50));
                for slot in &running {
                    let slot = *slot.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some((index, since)) = slot
                        && since.elapsed() > PATIENCE
                    {
                        eprintln!("problem {index} does not end: {}", Problem::random(index));
                        std::process::abort();
                    }
                }
            }
        };
        scope.spawn(watch);
        let workers: Vec<_> = running.iter().map(|slot| scope.spawn(move || work(slot))).collect();
        let results: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        done.store(true, Ordering::Relaxed);
        results.into_iter().for_each(|result| result.unwrap());
    });
    // Where rounding of what is learned already hides what is not.
    let unsolved = unsolved.into_inner();
    println!("{unsolved} of {cases} did not converge");
    assert!(unsolved <= cases / 1000 + 1, "{unsolved} of {cases} did not converge");
}

/// A start and an atom that differ by a rounding, and coincide in units of the problem.
#[test]
fn nothing_is_left_to_learn_where_a_task_is_continued() {
    let map =
        ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: 0.0 }).unwrap(), 0.0)
            .unwrap();
    let solver = Solver::new();
    for k in 1..=1000 {
        // As decimal fractions, whose root is one rounding off the magnitude for some.
        let (magnitude, variance) = (f64::from(k) / 100.0, f64::from(k * k) / 10_000.0);
        let task = Task::new(
            Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 1.0 }).unwrap(),
        )
        .and_then(|task| task.with_pretraining_magnitude(magnitude))
        .and_then(|task| task.with_fine_tuning_variance(variance))
        .and_then(|task| task.with_correlation(1.0))
        .unwrap();
        let transfer = Transfer::new(&task, map).with_protocol(Protocol::Continued);
        let report = solver.solve(&transfer, &Samples::new(0.3).unwrap()).unwrap();
        let error = report.fine_tuning.generalization_error();
        assert!(error <= 1e-28 * magnitude * magnitude, "{magnitude}: {error:e}");
    }
}

#[test]
fn nothing_is_left_to_learn_where_start_and_atom_are_neighbours() {
    let mut problem = Problem {
        groups: vec![[0.999, 0.0, 0.0, 1.0, 0.0], [0.001, 1.9, 0.0, 1.0, 1.900_000_000_000_000_1]],
        sample_ratio: 0.3,
        noise_variance: 0.0,
        explicit_penalty: 0.0,
    };
    assert!(problem.solve().unwrap().generalization_error() < 1e-30);
    // A step that underflows.
    problem.groups = vec![[1.0, 0.0, 0.0, 1.0, 2e-125]];
    (problem.sample_ratio, problem.explicit_penalty) = (3e261, 1e194);
    assert!(problem.solve().unwrap().generalization_error() < 1e-280);
}

/// Next to the weight of a group, with the others in the far tail of a threshold.
#[test]
fn few_evaluations_solve_problems_with_next_to_no_samples() {
    let mut problem = Problem {
        groups: vec![
            [1e-60, 0.0, 3.0, 0.165, 0.0],
            [0.3, 0.0, 3.0, 5e-301, 0.0],
            [0.7, 0.0, 0.0, 5e-301, 0.0],
        ],
        sample_ratio: 0.0,
        noise_variance: 0.0,
        explicit_penalty: 0.0,
    };
    for step in 0..=120 {
        problem.sample_ratio = 10.0_f64.powf(-63.0 + 0.05 * f64::from(step));
        let state = problem.solve().unwrap().state;
        assert!(state.iterations < 300, "{state:?}");
        assert!(state.integrand_evaluations < 2_500_000, "{state:?}");
    }
    problem.groups[0] = [8e-123, 0.348, 3.11, 0.165, 0.0];
    problem.noise_variance = 171_768.282_746_591_95;
    for step in 0..=120 {
        problem.sample_ratio = 10.0_f64.powf(-126.0 + 0.05 * f64::from(step));
        let state = problem.solve().unwrap().state;
        assert!(state.integrand_evaluations < 2_500_000, "{state:?}");
    }
}

/// Where the threshold is so far in the tail that closed forms cancel.
#[test]
fn rich_limit_converges_for_any_number_of_samples() {
    for index in 0..3000 {
        let random = &mut SplitMix(index);
        let sample_ratio = random.decades(-280.0, -0.5);
        let density = random.decades(-3.0, -0.1);
        let mean = if random.chance(0.5) { 0.0 } else { random.decades(-2.0, 2.0) };
        let variance =
            if mean > 0.0 && random.chance(0.5) { 0.0 } else { random.decades(-2.0, 2.0) };
        let noise = if random.chance(0.5) { 0.0 } else { random.decades(-8.0, 1.0) };
        let ratio = if random.chance(0.5) { 1.0 } else { random.decades(0.0, 2.0) };
        let law = Law::new(vec![
            CoordinateGroup::new("active", density, Prior::gaussian(mean, variance).unwrap(), 1e-9)
                .unwrap(),
            CoordinateGroup::new("none", 1.0 - density, Prior::ZERO, 1e-9).unwrap(),
        ])
        .unwrap();
        let samples = Samples::new(sample_ratio).unwrap().with_noise_variance(noise).unwrap();
        let result = weighted_l1(&law, &[1.0, ratio], &samples);
        assert!(result.is_ok(), "{result:?} {sample_ratio:e} {law:?} {samples:?} {ratio}");
    }
}
