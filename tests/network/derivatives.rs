//! Every hand-written derivative of the penalty against forward-mode automatic differentiation.

use approx::assert_relative_eq;
use diagonet::{Penalty, SeparablePenalty};
use nalgebra::{DVector, dvector};
use num_dual::Dual64;

/// Two routes to one number, each good to a few units in the last place.
const BUDGET: f64 = 1e-13;

fn variable(x: f64) -> Dual64 {
    Dual64::from_re(x).derivative()
}

fn constant(x: f64) -> Dual64 {
    Dual64::from_re(x)
}

fn grid() -> impl Iterator<Item = (f64, f64)> {
    let coefficients = [-1e3, -2.0, -1e-3, 1e-6, 0.1, 1.0, 30.0];
    let scales = [1e-8, 1e-3, 0.3, 1.0, 50.0, 1e4];
    coefficients.into_iter().flat_map(move |beta| scales.map(|scale| (beta, scale)))
}

#[test]
fn derivative_curvature_and_order_of_the_penalty() {
    for (beta, scale) in grid() {
        let plain = Penalty::new(scale).unwrap();
        let dual = Penalty::new(constant(scale)).unwrap();
        let value = dual.value(variable(beta)).unwrap();
        let derivative = dual.derivative(variable(beta)).unwrap();
        assert_relative_eq!(value.re, plain.value(beta).unwrap(), max_relative = BUDGET);
        assert_relative_eq!(value.eps, plain.derivative(beta).unwrap(), max_relative = BUDGET);
        assert_relative_eq!(derivative.eps, plain.curvature(beta).unwrap(), max_relative = BUDGET);
        let order = beta * value.eps / value.re;
        assert_relative_eq!(order, plain.l_order(beta).unwrap(), max_relative = BUDGET);
    }
}

/// Degree one in (b, c): b dq/db + c dq/dc = q.
#[test]
fn derivative_in_the_scale_follows_from_homogeneity() {
    for (beta, scale) in grid() {
        let in_scale = Penalty::new(variable(scale)).unwrap().value(constant(beta)).unwrap();
        let plain = Penalty::new(scale).unwrap();
        let (value, derivative) = (plain.value(beta).unwrap(), plain.derivative(beta).unwrap());
        let expected = (value - beta * derivative) / scale;
        // The difference loses what the two terms share.
        let scale_of_terms = (value.abs() + (beta * derivative).abs()) / scale;
        assert!((in_scale.eps - expected).abs() <= BUDGET * scale_of_terms);
    }
}

#[test]
fn slopes_of_the_proximal_map() {
    for (z, scale) in grid() {
        for theta in [1e-4, 0.3, 20.0] {
            let plain = Penalty::new(scale).unwrap().proximal(z, theta).unwrap();
            let dual = Penalty::new(constant(scale)).unwrap();
            let in_z = dual.proximal(variable(z), constant(theta)).unwrap().value;
            let in_theta = dual.proximal(constant(z), variable(theta)).unwrap().value;
            assert_relative_eq!(in_z.re, plain.value, max_relative = BUDGET);
            assert_relative_eq!(in_z.eps, plain.slope_in_z, max_relative = BUDGET);
            // Next to theta = 0 the slope is the difference of two nearly equal points.
            assert_relative_eq!(
                in_theta.eps,
                plain.slope_in_theta,
                max_relative = BUDGET,
                epsilon = BUDGET * plain.value.abs() / theta
            );
        }
    }
}

#[test]
fn gradient_of_the_separable_penalty() {
    let scales = dvector![1e-3, 0.5, 20.0];
    let beta = dvector![0.7, -2.0, 3.0];
    let gradient = SeparablePenalty::new(&scales).unwrap().gradient(&beta).unwrap();
    let dual = SeparablePenalty::new(scales.map(constant)).unwrap();
    for coordinate in 0..3 {
        let point = DVector::from_fn(3, |d, _| {
            if d == coordinate { variable(beta[d]) } else { constant(beta[d]) }
        });
        let value = dual.value(&point).unwrap();
        assert_relative_eq!(value.eps, gradient[coordinate], max_relative = BUDGET);
    }
}

#[test]
fn single_precision_passes_through() {
    for (beta, scale) in grid() {
        let (b, c) = (beta as f32, scale as f32);
        let single = Penalty::new(c).unwrap();
        let double = Penalty::new(f64::from(c)).unwrap();
        let close = |x: f32, y: f64| assert_relative_eq!(f64::from(x), y, max_relative = 2e-6);
        close(single.value(b).unwrap(), double.value(f64::from(b)).unwrap());
        close(single.l_order(b).unwrap(), double.l_order(f64::from(b)).unwrap());
        let (point, expected) = (
            single.proximal(b, 0.3).unwrap(),
            double.proximal(f64::from(b), f64::from(0.3_f32)).unwrap(),
        );
        close(point.value, expected.value);
        close(point.slope_in_z, expected.slope_in_z);
    }
}

#[test]
fn a_sum_of_many_penalties_keeps_the_digits_of_its_type() {
    const COUNT: usize = 100_000;
    let sum = |count: usize| {
        let (scales, beta) =
            (DVector::from_element(count, 0.1_f32), DVector::from_element(count, 0.3));
        SeparablePenalty::new(&scales).unwrap().value(&beta).unwrap()
    };
    let expected = COUNT as f32 * sum(1);
    assert_relative_eq!(sum(COUNT), expected, max_relative = 2.0 * f32::EPSILON);
}
