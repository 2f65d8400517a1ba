//! Every problem of the legal domain ends, in finite numbers or a typed error, and in bounded time.

#![cfg(feature = "quadrature")]

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diagonet::{
    Error, Group, Initialization, Law, Prior, Protocol, Samples, ScaleMap, Solution, Solver,
    Supports, Task, Transfer,
};

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
            Group::new(format!("{i}"), weight, Prior::gaussian(mean, variance)?, scale)?
                .with_start(start)
        };
        let groups: diagonet::Result<Vec<_>> = self.groups.iter().enumerate().map(group).collect();
        let law = Law::new(groups?)?;
        let samples = Samples::new(self.sample_ratio)?.with_noise_variance(self.noise_variance)?;
        Solver::new().with_explicit_penalty(self.explicit_penalty)?.solve(&law, &samples)
    }

    fn random(index: usize) -> Self {
        let random = &mut SplitMix(0x2602_2006_2000_0009 ^ ((index as u64) << 20));
        let count = if random.chance(0.95) { 1 + random.below(4) } else { 5 + random.below(46) };
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
            weights[0] = 0.0;
            weights.push(1.0);
            weights.truncate(2);
            weights = weights.iter().map(|w| w / weights.iter().sum::<f64>()).collect();
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

#[test]
fn explore() {
    let cases: usize = std::env::var("CASES").map_or(1000, |c| c.parse().unwrap());
    let from: usize = std::env::var("FROM").map_or(0, |c| c.parse().unwrap());
    let running = std::sync::Arc::new(Mutex::new((0_usize, Instant::now())));
    let watch = running.clone();
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(200));
            let (index, since) = *watch.lock().unwrap();
            if since.elapsed() > Duration::from_secs(5) {
                eprintln!("STUCK {index} {}", Problem::random(index));
                std::process::abort();
            }
        }
    });
    let mut slow: Vec<(Duration, usize, String)> = vec![];
    let mut kinds = std::collections::BTreeMap::<String, usize>::new();
    let begin = Instant::now();
    let mut nodes = 0;
    let mut its = vec![];
    for index in from..from + cases {
        let problem = Problem::random(index);
        *running.lock().unwrap() = (index, Instant::now());
        let now = Instant::now();
        let result = problem.solve();
        let time = now.elapsed();
        let kind = match &result {
            Ok(report) => {
                let finite = report.generalization_error.is_finite()
                    && {
                        nodes += report.state.integrand_evaluations;
                        its.push(report.state.iterations);
                        true
                    }
                    && report.groups.iter().all(|g| g.error.is_finite() && g.error >= 0.0);
                if !finite {
                    println!("NOT FINITE {index} {problem}");
                }
                format!(
                    "ok {} {} it {} nodes",
                    report.estimator, report.state.iterations, report.state.integrand_evaluations
                )
            }
            Err(error) => format!("{error}"),
        };
        let short = match &result {
            Ok(report) => format!("ok {}", report.estimator),
            Err(Error::NotConverged { .. }) => {
                if std::env::var("NC").is_ok() {
                    println!("NC {index} {:?} {kind} {problem}", time);
                }
                "NotConverged".into()
            }
            Err(Error::NotRepresentable { quantity, reason }) => format!("{quantity}: {reason}"),
            Err(error) => format!("{error:?}").split(' ').next().unwrap().into(),
        };
        *kinds.entry(short).or_default() += 1;
        slow.push((time, index, kind));
    }
    println!("total {:?}", begin.elapsed());
    its.sort();
    println!(
        "nodes {nodes:e} iterations {} p90 {} p99 {} max {}",
        its.iter().sum::<usize>(),
        its[its.len() * 9 / 10],
        its[its.len() * 99 / 100],
        its[its.len() - 1]
    );
    slow.sort();
    slow.reverse();
    for (time, index, kind) in &slow[..20.min(slow.len())] {
        let p = Problem::random(*index);
        println!("{time:?} {index} {kind} n={}", p.groups.len());
        if p.groups.len() < 4 {
            println!("     {p}");
        }
    }
    println!("{kinds:#?}");
    let _ = (AtomicUsize::new(0).load(Ordering::Relaxed), Protocol::Continued);
    let _ = |a: Initialization, b: ScaleMap, c: Supports, d: Task, e: Transfer| (a, b, c, d, e);
}
#[test]
fn cases() {
    let run = |name: &str, groups: &[[f64; 5]], alpha: f64, noise: f64, kappa: f64| {
        let p = Problem {
            groups: groups.to_vec(),
            sample_ratio: alpha,
            noise_variance: noise,
            explicit_penalty: kappa,
        };
        let now = Instant::now();
        let r = p.solve();
        println!(
            "{name} {:?} {:?}",
            now.elapsed(),
            r.map(|r| (r.generalization_error, r.state.iterations, r.state.integrand_evaluations))
        );
    };
    run("hang1", &[[0.999, 0., 0., 1., 0.], [0.001, 1.9, 0., 1., 1.9000000000000001]], 0.3, 0., 0.);
    run("hang2", &[[1., 0., 0., 1., 2e-125]], 3e261, 0., 1e194);
    for a in [0.3e-60, 0.9e-60, 1e-60, 1.1e-60, 3e-60, 1e-59] {
        run(
            "s13",
            &[[1e-60, 0., 3., 0.165, 0.], [0.3, 0., 3., 5e-301, 0.], [0.7, 0., 0., 5e-301, 0.]],
            a,
            0.,
            0.,
        );
    }
    for a in [1e-113, 1e-120, 1e-150, 1e-200, 1e-250, 1e-300] {
        let law = Law::new(vec![
            Group::new("a", 0.1, Prior::gaussian(0.0, 10.0).unwrap(), 1e-9).unwrap(),
            Group::new("b", 0.9, Prior::ZERO, 1e-9).unwrap(),
        ])
        .unwrap();
        let now = Instant::now();
        let r = diagonet::basis_pursuit(&law, &Samples::new(a).unwrap());
        println!(
            "rich {a} {:?} {:?}",
            now.elapsed(),
            r.map(|r| (r.generalization_error, r.state.iterations))
        );
    }
    let law = |c: f64| {
        Law::new(vec![
            Group::new("a", 8e-123, Prior::gaussian(0.348, 3.11).unwrap(), 0.165).unwrap(),
            Group::new("b", 0.3, Prior::gaussian(0.0, 3.0).unwrap(), c).unwrap(),
            Group::new("c", 0.7, Prior::ZERO, c).unwrap(),
        ])
        .unwrap()
    };
    for a in [1e-130, 1e-123, 8e-123, 9e-123, 1e-121, 1e-60, 1e-3] {
        let now = Instant::now();
        let r = Solver::new().solve(
            &law(5e-301),
            &Samples::new(a).unwrap().with_noise_variance(171768.28274659195).unwrap(),
        );
        println!(
            "need {a} {:?} {:?}",
            now.elapsed(),
            r.map(|r| (r.generalization_error, r.state.iterations, r.state.integrand_evaluations))
        );
    }
    let now = Instant::now();
    let r = Solver::new().required_sample_ratio(&law(5e-301), 171768.28274659195, 0.0);
    println!("required {:?} {:?}", now.elapsed(), r);
    let task = Task::new(Supports::from_overlap(0.2, 0.1, 1.0).unwrap())
        .unwrap()
        .with_pretraining_prior(Prior::gaussian(0.0, 5.0).unwrap())
        .unwrap()
        .with_correlation(0.8)
        .unwrap();
    for c in [1e-3, 1e-30, 1e-60] {
        let map = ScaleMap::new(Initialization::from_scales(c, 0.0).unwrap(), 0.0).unwrap();
        let t = Transfer::new(task, map)
            .with_protocol(Protocol::Continued)
            .with_pretraining_samples(Samples::new(0.4).unwrap());
        let now = Instant::now();
        let r = Solver::new().solve(&t, &Samples::new(0.25).unwrap());
        println!(
            "cont {c} {:?} {:?}",
            now.elapsed(),
            r.map(|r| (
                r.fine_tuning.generalization_error,
                r.fine_tuning.state.iterations,
                r.fine_tuning.state.integrand_evaluations,
                r.law().groups().len(),
                r.refinement
            ))
        );
    }
}
