//! A slow solver of the same equations, which shares nothing with the crate.
//!
//! It integrates over the observation `z` itself, by adaptive Gauss-Legendre panels whose nodes it
//! computes, inverts the proximal equation at every node, and finds `theta` inside of `s²` by
//! nested brackets. It uses no derivative of the equations and no substitution.

/// How a coordinate responds to its observation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Map {
    /// Frozen at zero.
    Frozen,
    /// The penalty `q_c`, from the start `b0`.
    Sinh { scale: f64, start: f64 },
    /// Soft threshold at `theta` times the weight.
    Soft { weight: f64 },
    /// The quadratic penalty `b²/(4c)`.
    Quadratic { scale: f64 },
}

/// Coordinates with the prior `N(mean, variance)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CoordinateGroup {
    pub(crate) weight: f64,
    pub(crate) mean: f64,
    pub(crate) variance: f64,
    pub(crate) map: Map,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Problem<'a> {
    pub(crate) groups: &'a [CoordinateGroup],
    pub(crate) sample_ratio: f64,
    pub(crate) noise: f64,
    pub(crate) penalty: f64,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Solution {
    pub(crate) error: f64,
    pub(crate) noise: f64,
    pub(crate) theta: f64,
}

/// Adaptive integration by a Gauss-Legendre rule on panels.
pub(crate) struct Oracle {
    nodes: Vec<(f64, f64)>,
    tolerance: f64,
}

impl Oracle {
    /// With `points` nodes a panel; a panel is split until its halves agree with it to `tolerance`
    /// of the integral.
    pub(crate) fn new(points: usize, tolerance: f64) -> Self {
        Self { nodes: gauss_legendre(points), tolerance }
    }

    fn panel(&self, f: &impl Fn(f64) -> [f64; 2], low: f64, high: f64) -> [f64; 2] {
        let (middle, half) = (0.5 * (low + high), 0.5 * (high - low));
        let mut sum = [0.0; 2];
        for &(x, w) in &self.nodes {
            let value = f(middle + half * x);
            sum[0] += w * half * value[0];
            sum[1] += w * half * value[1];
        }
        sum
    }

    /// Integrals of two functions without sign changes between ascending breaks.
    pub(crate) fn integrate(&self, f: &impl Fn(f64) -> [f64; 2], breaks: &[f64]) -> [f64; 2] {
        let panels: Vec<_> =
            breaks.windows(2).map(|w| (w[0], w[1], self.panel(f, w[0], w[1]))).collect();
        let scale = panels.iter().fold([0.0; 2], |s, p| [s[0] + p.2[0], s[1] + p.2[1]]);
        let (mut total, mut carry) = ([0.0; 2], [0.0; 2]);
        let mut stack = panels;
        // Where rounding of the integrand is above the tolerance, no number of panels is enough.
        let mut splits = 500;
        while let Some((low, high, whole)) = stack.pop() {
            let middle = 0.5 * (low + high);
            let halves = [self.panel(f, low, middle), self.panel(f, middle, high)];
            let close = |i: usize| {
                (halves[0][i] + halves[1][i] - whole[i]).abs() <= self.tolerance * scale[i]
            };
            if (close(0) && close(1)) || splits == 0 {
                for half in halves {
                    for i in 0..2 {
                        let next = total[i] + half[i];
                        carry[i] += (total[i] - next) + half[i];
                        total[i] = next;
                    }
                }
            } else {
                splits -= 1;
                stack.push((low, middle, halves[0]));
                stack.push((middle, high, halves[1]));
            }
        }
        [total[0] + carry[0], total[1] + carry[1]]
    }

    /// `E[db/dz]` and `E[(b - B)²]` of a group.
    pub(crate) fn channel(&self, group: &CoordinateGroup, noise: f64, theta: f64) -> [f64; 2] {
        let CoordinateGroup { mean, variance, map, .. } = *group;
        let total = variance + noise;
        let deviation = total.sqrt();
        let (low, high) = (mean - 11.0 * deviation, mean + 11.0 * deviation);
        let mut breaks: Vec<f64> =
            (-5..=5).map(|k| mean + 2.2 * f64::from(k) * deviation).collect();
        match map {
            Map::Frozen => return [0.0, variance + mean * mean],
            Map::Sinh { scale, start } => {
                let shift = 0.5 * theta * (start / scale).asinh();
                breaks.push(-shift);
                for b in [scale, (scale * theta).sqrt(), theta] {
                    let z = b + 0.5 * theta * (b / scale).asinh();
                    breaks.extend([z - shift, -z - shift]);
                }
            }
            Map::Soft { weight } => breaks.extend([theta * weight, -theta * weight]),
            Map::Quadratic { .. } => {}
        }
        breaks.retain(|z| (low..=high).contains(z));
        breaks.sort_by(f64::total_cmp);
        breaks.dedup();
        let integrand = |z: f64| {
            let u = (z - mean) / deviation;
            let density = (-0.5 * u * u).exp() / (deviation * (2.0 * std::f64::consts::PI).sqrt());
            let (pull, slope) = respond(map, z, theta);
            // E[B|z] - b, as what the penalty takes from z less what the noise adds to it.
            let bias = pull - noise / total * (z - mean);
            [density * slope, density * bias * bias]
        };
        let [response, bias] = self.integrate(&integrand, &breaks);
        [response, variance * noise / total + bias]
    }

    /// `E[db/dz]` and the error at a state.
    pub(crate) fn sums(&self, problem: &Problem, noise: f64, theta: f64) -> [f64; 2] {
        problem.groups.iter().fold([0.0; 2], |sum, group| {
            let [response, error] = self.channel(group, noise, theta);
            [sum[0] + group.weight * response, sum[1] + group.weight * error]
        })
    }

    /// The fixed point, for fewer samples than coordinates that can move, or a penalty.
    pub(crate) fn solve(&self, problem: &Problem, theta_guess: f64) -> Solution {
        let alpha = problem.sample_ratio;
        let square: f64 =
            problem.groups.iter().map(|g| g.weight * (g.variance + g.mean * g.mean)).sum();
        let mut log_theta = theta_guess.ln();
        let mut at = |log_noise: f64| {
            let noise = log_noise.exp();
            let mut error = 0.0;
            log_theta = bracketed_root(log_theta, 1e-14, |log_theta| {
                let theta = log_theta.exp();
                let [response, e] = self.sums(problem, noise, theta);
                error = e;
                response + problem.penalty / theta - alpha
            });
            let theta = log_theta.exp();
            error = self.sums(problem, noise, theta)[1];
            Solution { error, noise, theta }
        };
        let log_noise = bracketed_root(((problem.noise + square) / alpha).ln(), 1e-13, |x| {
            let point = at(x);
            (problem.noise + point.error) / (alpha * point.noise) - 1.0
        });
        at(log_noise)
    }
}

/// `z - b` and `db/dz`.
fn respond(map: Map, z: f64, theta: f64) -> (f64, f64) {
    match map {
        Map::Frozen => (z, 0.0),
        Map::Soft { weight } => {
            let cut = theta * weight;
            if z.abs() > cut { (cut.copysign(z), 1.0) } else { (z, 0.0) }
        }
        Map::Quadratic { scale } => {
            let whole = scale + 0.5 * theta;
            (0.5 * theta / whole * z, scale / whole)
        }
        Map::Sinh { scale, start } => {
            let half = 0.5 * theta;
            let origin = (start / scale).asinh();
            let target = z + half * origin;
            let b = estimate(target.abs(), scale, half).copysign(target);
            let curvature = scale.hypot(b);
            (half * ((b / scale).asinh() - origin), curvature / (curvature + half))
        }
    }
}

/// The root `b` of `b + half asinh(b/scale) = y`, for `y >= 0`.
///
/// The left side is concave, so that Newton's method from below never passes the root.
fn estimate(y: f64, scale: f64, half: f64) -> f64 {
    let mut b = (y / (1.0 + half / scale)).max(y - half * (y / scale).asinh());
    for _ in 0..300 {
        let step = (y - b - half * (b / scale).asinh()) / (1.0 + half / scale.hypot(b));
        b += step;
        if step <= 1e-15 * b {
            return b;
        }
    }
    panic!("no estimate at y = {y:e}, c = {scale:e}, theta/2 = {half:e}");
}

/// Root of a function that falls through zero once; bisection whose points regula falsi proposes.
fn bracketed_root(start: f64, tolerance: f64, mut f: impl FnMut(f64) -> f64) -> f64 {
    let first = f(start);
    let mut step = if first > 0.0 { 1.0 } else { -1.0 };
    let (mut a, mut fa) = (start, first);
    let (mut b, mut fb) = loop {
        let x = a + step;
        let fx = f(x);
        if (fx > 0.0) != (first > 0.0) {
            break (x, fx);
        }
        (a, fa) = (x, fx);
        step *= 1.6;
        assert!(step.abs() < 1e4, "no bracket");
    };
    for round in 0..300 {
        if (a - b).abs() <= tolerance || fb == 0.0 {
            break;
        }
        let mut x = (a * fb - b * fa) / (fb - fa);
        if round % 8 == 7 || !(x > a.min(b) && x < a.max(b)) {
            x = 0.5 * (a + b);
        }
        let fx = f(x);
        let moved = (x - b).abs();
        if (fx > 0.0) == (fb > 0.0) {
            fa *= 0.5;
        } else {
            (a, fa) = (b, fb);
        }
        (b, fb) = (x, fx);
        // Illinois steps shrink faster than brackets close from the other side.
        if moved <= 0.01 * tolerance {
            break;
        }
    }
    b
}

fn gauss_legendre(points: usize) -> Vec<(f64, f64)> {
    let n = points as f64;
    let polynomial = |x: f64| {
        let (mut before, mut here) = (1.0, x);
        for k in 2..=points {
            let k = k as f64;
            (before, here) = (here, ((2.0 * k - 1.0) * x * here - (k - 1.0) * before) / k);
        }
        (here, n * (x * here - before) / (x * x - 1.0))
    };
    (0..points)
        .map(|i| {
            let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (n + 0.5)).cos();
            for _ in 0..50 {
                let (value, slope) = polynomial(x);
                x -= value / slope;
            }
            let slope = polynomial(x).1;
            (x, 2.0 / ((1.0 - x * x) * slope * slope))
        })
        .collect()
}
