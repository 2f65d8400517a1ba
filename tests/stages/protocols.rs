//! Protocols of fine-tuning: closed forms of scale and start, and the errors that they lead to.

use std::collections::HashMap;

use crate::common::{config, decades, fixture_text, relative_error, relative_scale, signed};
use diagonet::*;
use proptest::prelude::*;

/// Accuracy of scales and starts.
const ACCURACY: f64 = 1e-14;

fn map(c: f64, lambda: f64, gamma: f64) -> ScaleMap {
    let pretraining = Initialization::new(Scales { absolute: c, relative: lambda }).unwrap();
    ScaleMap::new(pretraining, gamma).unwrap()
}

/// The protocol of a row of a fixture, and its readout scale.
fn protocol(kind: &str, x: f64, y: f64) -> (Protocol, f64) {
    match kind {
        "rebalanced" | "probe_rebalanced" => (Protocol::from_name(kind, &[x]).unwrap(), y),
        "rescaled" => (Protocol::from_name(kind, &[x, y]).unwrap(), 0.0),
        "learning_rates" => (Protocol::from_name(kind, &[x]).unwrap(), 0.0),
        _ => (Protocol::from_name(kind, &[]).unwrap(), y),
    }
}

/// One of every kind of protocol.
fn protocols() -> Vec<Protocol> {
    let factors = LayerFactors { first_layer: 2.0, readout: 0.7 };
    vec![
        Protocol::REBALANCED,
        Protocol::rebalanced(0.3).unwrap(),
        Protocol::Continued,
        Protocol::rescaled(factors).unwrap(),
        Protocol::learning_rates(5.0).unwrap(),
        Protocol::learning_rates(0.1).unwrap(),
        Protocol::ReadoutReset,
        Protocol::ProbeKept,
        Protocol::ProbeReset,
        Protocol::probe_rebalanced(2.0).unwrap(),
        Protocol::FrozenReadout,
        Protocol::adapter(0.4).unwrap(),
    ]
}

fn number(row: &HashMap<String, String>, name: &str) -> f64 {
    row[name].parse().unwrap()
}

#[test]
fn scales_and_starts_are_those_of_the_fixture() {
    let mut worst = 0.0_f64;
    for row in fixture_text("protocols.csv") {
        let (protocol, gamma) = protocol(&row["kind"], number(&row, "x"), number(&row, "y"));
        let map = map(number(&row, "c_pt"), number(&row, "lambda_pt"), gamma);
        let computed = protocol.scale_and_start(&map, number(&row, "beta_pt")).unwrap();
        for (computed, name) in [(computed.scale, "scale"), (computed.start, "start")] {
            let error = relative_error(computed, number(&row, name));
            worst = worst.max(error);
            assert!(error < ACCURACY, "{row:?}: {name} {computed:e} {error:e}");
        }
    }
    println!("worst {worst:e}");
}

#[test]
fn errors_are_those_of_the_fixture() {
    const BUDGET: f64 = 1e-9;
    let mut worst = 0.0_f64;
    for row in fixture_text("protocol_errors.csv") {
        let value = |name: &str| number(&row, name);
        let (protocol, gamma) = protocol(&row["protocol"], value("x"), value("y"));
        if cfg!(not(feature = "quadrature")) && protocol.trained_layers() == TrainedLayers::Both {
            continue;
        }
        let supports = Supports::new(Densities {
            pretraining: value("rho_pt"),
            fine_tuning: value("rho_ft"),
            overlap: value("overlap"),
        })
        .unwrap();
        let task = Task::new(supports)
            .and_then(|task| task.with_pretraining_magnitude(value("beta_pt_active")))
            .and_then(|task| task.with_fine_tuning_variance(value("var_ft_active")))
            .unwrap();
        let samples = Samples::new(value("alpha_ft"))
            .and_then(|samples| samples.with_noise_variance(value("noise_var")))
            .unwrap();
        let transfer = Transfer::new(&task, map(value("c_pt"), value("lambda_pt"), gamma))
            .with_protocol(protocol);
        let solution = Solver::new().solve(&transfer, &samples).unwrap();
        let state = solution.fine_tuning.state;
        for (computed, name) in [
            (solution.generalization_error(), "error"),
            (state.effective_noise_variance, "s2"),
            (state.effective_penalty, "theta"),
        ] {
            let error = relative_error(computed, value(name));
            worst = worst.max(error);
            assert!(error < BUDGET, "{row:?}: {name} {computed:e} {error:e}");
        }
        if protocol.trained_layers() != TrainedLayers::Both {
            assert_eq!(solution.fine_tuning.difference_bound, Some(0.0));
        }
    }
    println!("worst {worst:e}");
}

/// Errors that were computed independently, and checked against 250 networks of 800 coordinates.
#[test]
fn errors_are_those_of_an_independent_computation() {
    let supports =
        Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.8 }).unwrap();
    let task = Task::new(supports).and_then(|task| task.with_fine_tuning_variance(10.0)).unwrap();
    let samples = Samples::new(0.3).and_then(|s| s.with_noise_variance(0.05)).unwrap();
    for (name, gamma, expected) in [
        ("probe_kept", 0.0, 0.410137),
        ("probe_rebalanced", 0.0, 0.421042),
        ("probe_reset", 0.6, 0.398004),
        ("continued", 0.0, 0.670627),
        ("rescaled 3 0.5", 0.0, 0.362104),
        ("rescaled 0.3 1.5", 0.0, 0.309471),
    ] {
        let protocol: Protocol = name.parse().unwrap();
        if cfg!(not(feature = "quadrature")) && protocol.trained_layers() == TrainedLayers::Both {
            continue;
        }
        let transfer = Transfer::new(&task, map(0.1, -0.5, gamma)).with_protocol(protocol);
        let error = Solver::new().solve(&transfer, &samples).unwrap().generalization_error();
        assert!((error - expected).abs() < 5.1e-7, "{name}: {error}");
    }
}

proptest! {
    #![proptest_config(config(3000))]

    /// The closed forms and the weights themselves, acted on, say the same.
    #[test]
    fn closed_forms_are_those_of_the_weights(
        c in decades(-12.0, 3.0),
        lambda in relative_scale(),
        gamma in prop_oneof![Just(0.0), decades(-6.0, 2.0)],
        beta in signed(decades(-8.0, 4.0)),
        [a, b, r] in [decades(-3.0, 3.0), decades(-3.0, 3.0), decades(-4.0, 4.0)],
    ) {
        let map = map(c, lambda, gamma);
        let pretrained = map.pretraining().weights(beta).unwrap();
        let factors = LayerFactors { first_layer: a, readout: b };
        for protocol in [
            Protocol::rebalanced(a).unwrap(),
            Protocol::Continued,
            Protocol::rescaled(factors).unwrap(),
            Protocol::learning_rates(r).unwrap(),
            Protocol::ReadoutReset,
            Protocol::ProbeKept,
            Protocol::ProbeReset,
            Protocol::probe_rebalanced(a).unwrap(),
            Protocol::FrozenReadout,
        ] {
            let closed = protocol.scale_and_start(&map, beta).unwrap();
            let weights = protocol.weights(pretrained, gamma).unwrap();
            let by_weights = weights.scale_and_start();
            let square = |part: fn(&NetworkPath) -> f64| {
                part(&weights.plus).powi(2) + part(&weights.minus).powi(2)
            };
            let first = square(NetworkPath::first_layer);
            let readout = square(NetworkPath::readout);
            let scale = match protocol.trained_layers() {
                TrainedLayers::Readout => first,
                TrainedLayers::FirstLayer => readout,
                _ => by_weights.scale,
            };
            // Weights are known to 1e-14. A scale is a difference of their squares, but for a layer that
            // is kept, and rebalanced paths are a sum that may cancel.
            let sum = (pretrained.plus.first_layer().powi(2)
                + pretrained.minus.first_layer().powi(2)) * a * a;
            let size = match protocol {
                Protocol::Rebalanced { .. } => first + readout + sum,
                Protocol::ProbeRebalanced { .. } => scale + sum,
                _ if protocol.trained_layers() == TrainedLayers::Both => first + readout,
                _ => scale,
            };
            let budget = 1e-13 * size;
            prop_assert!((closed.scale - scale).abs() <= budget, "{protocol} {closed:?} {scale:e}");
            let products = first.sqrt() * readout.sqrt();
            prop_assert!(
                (closed.start - by_weights.start).abs() <= 1e-13 * products.max(closed.start.abs()),
                "{protocol} {closed:?} {by_weights:?}"
            );
        }
    }

    /// Weights that training has moved keep their scale.
    #[test]
    fn training_conserves_the_scale_of_any_weights(
        c in decades(-6.0, 3.0),
        lambda in relative_scale(),
        beta in signed(decades(-6.0, 3.0)),
    ) {
        let weights = map(c, lambda, 0.0).pretraining().weights(beta).unwrap();
        let ScaleAndStart { scale, start } = weights.scale_and_start();
        let larger = weights.plus.first_layer().hypot(weights.minus.first_layer());
        let other = weights.plus.readout().hypot(weights.minus.readout());
        prop_assert!((scale - c).abs() <= 1e-13 * (larger * larger + other * other));
        prop_assert!((start - beta).abs() <= 1e-13 * (larger * other).max(beta.abs()));
    }

    #[test]
    fn common_factors_of_weights_are_squares_of_scales(
        weights in [signed(0.1..10.0_f64), signed(0.1..10.0_f64), signed(0.1..10.0_f64), signed(0.1..10.0_f64)],
        exponent in -490_i32..=490,
    ) {
        let factor = 2.0_f64.powi(exponent);
        let build = |factor: f64| {
            let [a, b, c, d] = weights.map(|weight| factor * weight);
            let plus = NetworkPath::new(a, b).unwrap();
            Weights { plus, minus: NetworkPath::new(c, d).unwrap() }.scale_and_start()
        };
        let (unit, scaled) = (build(1.0), build(factor));
        prop_assert!(relative_error(scaled.scale / factor / factor, unit.scale) < 1e-15);
        prop_assert_eq!(scaled.start / factor / factor, unit.start);
    }
}

#[test]
fn extreme_weights_keep_their_digits() {
    let scale = |a: f64, b: f64, c: f64, d: f64| {
        let path = |w, v| NetworkPath::new(w, v).unwrap();
        Weights { plus: path(a, b), minus: path(c, d) }.scale_and_start()
    };
    for size in [1e-150, 1.0, 1e150] {
        let training = scale(3.0 / 4.0 * size, 0.0, size, 0.0);
        assert!(relative_error(training.scale, 25.0 / 32.0 * size * size) < 1e-15);
    }
    // A difference of products that rounds to nothing without compensation.
    let (x, y) = (1.0 + f64::EPSILON, 1.0 - f64::EPSILON);
    assert_eq!(scale(x, y, 1.0, 1.0).start, -f64::EPSILON * f64::EPSILON);
}

#[test]
fn scales_are_exact_where_they_change_their_sign() {
    // lambda = -1: the scale is |c - H + gamma²|/2, zero at gamma² = beta²/(c + H).
    let (c, beta) = (3.0, 4.0);
    let gamma = 2.0_f64.sqrt();
    let training = Protocol::ReadoutReset.scale_and_start(&map(c, -1.0, gamma), beta).unwrap();
    let square = gamma.mul_add(gamma, -2.0);
    assert!(relative_error(training.scale, 0.5 * square.abs()) < ACCURACY, "{training:?}");
    // Rescaled with lambda = -1: |(a²+b²) c - (a²-b²) H|/2 at a² = 4, b² = 1 is (5 c - 3 H)/2, zero at
    // beta = 4 c/3; with beta² = (16 - d) c²/9 it is (25 - 9 H²/c²)/(5 + 3 H/c)/2 c = d c/(5 + 3 H/c)/2.
    let factors = LayerFactors { first_layer: 2.0, readout: 1.0 };
    let rescaled = Protocol::rescaled(factors).unwrap();
    for unit in [2.0_f64.powi(-900), 1.0, 2.0_f64.powi(900)] {
        for step in [-1.0_f64, 1.0, 1e6] {
            let beta = 4.0 + step * 4.0 * f64::EPSILON;
            let excess = step * 4.0 * f64::EPSILON;
            let d = -(excess * (8.0 + excess));
            let norm = 3.0_f64.hypot(beta);
            let expected = 0.5 * 3.0 * (d / (5.0 + norm)).abs();
            let training =
                rescaled.scale_and_start(&map(3.0 * unit, -1.0, 0.0), beta * unit).unwrap();
            let error = relative_error(training.scale / unit, expected);
            assert!(error < ACCURACY, "{unit:e} {step}: {error:e}");
        }
    }
}

#[test]
fn protocols_at_the_ends_of_all_domains_are_numbers_or_errors() {
    for protocol in protocols() {
        for c in [0.0, 1e-300, 1.0, 1e300] {
            for lambda in [-1.0, -0.3, 1.0] {
                for gamma in [0.0, 1e-153, 1e150] {
                    for beta in [0.0, 5e-324, 1e-300, -1.0, 1e300] {
                        match protocol.scale_and_start(&map(c, lambda, gamma), beta) {
                            Ok(ScaleAndStart { scale, start }) => {
                                assert!(scale >= 0.0 && scale.is_finite() && start.is_finite());
                            }
                            Err(Error::OutOfDomain { parameter, .. }) => {
                                assert_eq!((parameter, c), ("absolute_scale", 0.0));
                            }
                            Err(error) => panic!("{protocol}: {error}"),
                        }
                    }
                }
            }
        }
        let beyond = protocol.scale_and_start(&map(1.0, 0.0, 0.0), f64::NAN);
        assert!(matches!(beyond, Err(Error::OutOfDomain { parameter: "beta_pt", .. })));
    }
}

#[test]
fn names_read_back_with_their_parameters() {
    for protocol in protocols() {
        assert_eq!(protocol.to_string().parse(), Ok(protocol));
        assert_eq!(Protocol::from_name(protocol.name(), &protocol.parameters()), Ok(protocol));
    }
    for name in
        ["", "rescaled", "rescaled 1", "rescaled 1 2 3", "continued 1", "adapter", "adapter x"]
    {
        assert!(matches!(name.parse::<Protocol>(), Err(Error::UnknownName { .. })), "{name}");
    }
    for (name, parameter) in [
        ("rebalanced 0", "input_gain"),
        ("rescaled -1 1", "first_layer_factor"),
        ("rescaled 1 NaN", "readout_factor"),
        ("learning_rates inf", "learning_rate_ratio"),
        ("adapter 1e200", "branch"),
    ] {
        let error = name.parse::<Protocol>().unwrap_err();
        assert!(
            matches!(error, Error::OutOfDomain { parameter: p, .. } if p == parameter),
            "{error}"
        );
    }
}

#[cfg(feature = "quadrature")]
fn transfer(gamma: f64) -> Transfer {
    let supports =
        Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.8 }).unwrap();
    Transfer::new(&Task::new(supports).unwrap(), map(0.1, -0.5, gamma))
}

#[cfg(feature = "quadrature")]
fn samples(ratio: f64) -> Samples {
    Samples::new(ratio).and_then(|samples| samples.with_noise_variance(0.05)).unwrap()
}

#[cfg(feature = "quadrature")]
#[test]
fn rankings_are_those_of_the_errors() {
    let solver = Solver::new();
    for transfer in [transfer(0.6), transfer(0.6).with_pretraining_samples(samples(0.7))] {
        let data = samples(0.3);
        let ranking = solver.rank_protocols(&transfer, &data, &protocols()).unwrap();
        assert_eq!(ranking.ranked.len(), protocols().len());
        let mut last = 0.0;
        for ranked in &ranking.ranked {
            let alone = transfer.clone().with_protocol(ranked.protocol);
            assert_eq!(ranked.solution, solver.solve(&alone, &data).unwrap());
            let error = ranked.generalization_error();
            let margin = 1.0 - ranking.best().generalization_error() / error;
            assert!((ranked.margin.unwrap() - margin).abs() < 1e-15 && error >= last);
            last = error;
        }
        let best = ranking.best().protocol;
        assert!(ranking.to_string().starts_with(&format!("{best} beats ")));
    }
    // What has no answer says why, and an empty choice is none.
    let rich = solver.with_estimator(Estimator::Rich);
    let choice = [Protocol::ProbeKept, Protocol::REBALANCED, Protocol::adapter(1.0).unwrap()];
    let ranking = rich.rank_protocols(&transfer(0.6), &samples(0.3), &choice).unwrap();
    assert_eq!(ranking.ranked.len(), 1);
    assert_eq!(ranking.to_string(), "rebalanced");
    assert!(matches!(ranking.unanswered[0].1, Error::UnknownName { parameter: "estimator", .. }));
    let Error::OutOfDomain { parameter, .. } = ranking.unanswered[1].1.cause() else { panic!() };
    assert_eq!(*parameter, "start");
    let none = solver.rank_protocols(&transfer(0.6), &samples(0.3), &[]);
    assert!(matches!(none, Err(Error::OutOfDomain { parameter: "protocols", .. })));
    assert!(rich.rank_protocols(&transfer(0.6), &samples(0.3), &choice[..1]).is_err());
}

#[cfg(feature = "quadrature")]
#[test]
fn no_parameter_of_a_grid_beats_the_optimum() {
    let (solver, data) = (Solver::new(), samples(0.3));
    let error = |protocol: Protocol, gamma: f64| {
        let transfer = transfer(gamma).with_protocol(protocol);
        solver.solve(&transfer, &data).unwrap().generalization_error()
    };
    let grid = || (-12..=12).map(|i| 10.0_f64.powf(0.25 * f64::from(i)));
    for name in ["rebalanced", "learning_rates", "adapter"] {
        let transfer = transfer(0.2).with_protocol(Protocol::from_name(name, &[1.0]).unwrap());
        let optimum = ProtocolDesign::new(&transfer, data).unwrap().optimum().unwrap();
        let best = optimum.solution.generalization_error();
        assert_eq!(best, error(optimum.protocol, 0.2));
        assert_eq!(optimum.protocol.parameters(), [optimum.parameters[0].value]);
        for x in grid() {
            let other = error(Protocol::from_name(name, &[x]).unwrap(), 0.2);
            assert!(best <= other * (1.0 + 1e-9), "{name} {x}: {best} {other}");
            let [low, high] = optimum.parameters[0].tolerated;
            if (1.02 * low..0.98 * high).contains(&x) {
                assert!(other <= best * 1.0011, "{name} {x}");
            }
        }
        // The slope in the parameter vanishes inside of its range.
        if optimum.parameters[0].position == OptimumPosition::Interior {
            let gradient = optimum.solution.sensitivities().unwrap().generalization_error;
            let slope = gradient.first_protocol_parameter.unwrap() * optimum.parameters[0].value;
            assert!(slope.abs() < 1e-3 * best, "{name}: {slope:e}");
        }
    }
    let probe = transfer(0.0).with_protocol(Protocol::ProbeReset);
    let design = ProtocolDesign::new(&probe, data).unwrap();
    let optimum = design.with_readout_scales(0.0..=10.0).unwrap().optimum().unwrap();
    for gamma in grid().filter(|gamma| *gamma <= 10.0).chain([0.0]) {
        let best = optimum.solution.generalization_error();
        assert!(best <= error(Protocol::ProbeReset, gamma) * (1.0 + 1e-9));
    }
    assert!(optimum.parameters.is_empty());
}

/// Counting coefficients from elsewhere changes no error, and shifts all estimates.
#[cfg(feature = "quadrature")]
#[test]
fn centres_shift_estimates_and_nothing_else() {
    let law = |shift: f64, input_variance: f64| {
        let group = |label, weight, mean: f64, variance, scale, start: f64| {
            let prior = Prior::gaussian(mean + shift, variance).unwrap();
            CoordinateGroup::new(label, weight, prior, scale)
                .and_then(|group| group.with_start(start + shift))
                .and_then(|group| group.with_centre(shift))
                .and_then(|group| group.with_input_variance(input_variance))
                .unwrap()
        };
        Law::new(vec![
            group("signal", 0.2, 0.3, 4.0, 0.2, 0.5),
            group("negative", 0.3, -1.0, 0.0, 0.01, 0.0),
            group("background", 0.5, 0.0, 0.0, 0.3, 0.0),
        ])
        .unwrap()
    };
    for (estimator, input_variance) in
        [(Estimator::Quadrature, 1.0), (Estimator::Lazy, 1.0), (Estimator::Quadrature, 2.5)]
    {
        let solver = Solver::new().with_estimator(estimator);
        let solution = |shift| solver.solve(&law(shift, input_variance), &samples(0.4)).unwrap();
        let (plain, shifted) = (solution(0.0), solution(0.75));
        let gap = relative_error(shifted.generalization_error(), plain.generalization_error());
        assert!(gap < 1e-10, "{gap:e}");
        // |b| > cut on either side of the shift is b > 0.75 or b < 0.75 for a cut at the shift.
        let [of_plain, of_shifted] = [&plain, &shifted].map(|s| s.statistics(0.75).unwrap());
        for (plain, shifted) in of_plain.groups.iter().zip(&of_shifted.groups) {
            let (plain, shifted) = (plain.estimates, shifted.estimates);
            assert!((shifted.mean - plain.mean - 0.75).abs() < 1e-9);
            assert!((shifted.variance - plain.variance).abs() < 1e-9);
        }
        // P(|b + 0.75| > 0.75) = P(b > 0) + P(b < -1.5), from two symmetric cuts and the mirror image.
        let rate =
            |s: &Solution, cut| s.statistics(cut).unwrap().groups[2].estimates.discovery_rate;
        let expected = 0.5 + 0.5 * rate(&plain, 1.5);
        assert!((rate(&shifted, 0.75) - expected).abs() < 1e-9);
        let gradients = [plain, shifted].map(|s| s.sensitivities().unwrap().generalization_error);
        for (plain, shifted) in gradients[0].groups.iter().zip(&gradients[1].groups) {
            for (a, b) in [
                (plain.mean, shifted.mean),
                (plain.log_scale, shifted.log_scale),
                (plain.start.unwrap(), shifted.start.unwrap()),
            ] {
                assert!((a - b).abs() < 1e-7 * (1.0 + a.abs()), "{plain:?} {shifted:?}");
            }
        }
    }
}

#[cfg(feature = "quadrature")]
#[test]
fn a_probe_feels_a_weak_penalty_as_ridge_regression() {
    let probe = transfer(0.0).with_protocol(Protocol::ProbeKept);
    let error = |kappa: f64| {
        let solver = Solver::new().with_explicit_penalty(kappa).unwrap();
        solver.solve(&probe, &samples(1.7)).unwrap()
    };
    let slope = error(0.0).sensitivities().unwrap().generalization_error.explicit_penalty.unwrap();
    let [whole, half] = [2e-5, 1e-5].map(|kappa| {
        (error(kappa).generalization_error() - error(0.0).generalization_error()) / kappa
    });
    let expected = 2.0 * half - whole;
    assert!((slope / expected - 1.0).abs() < 1e-4, "{slope} {expected}");
}
