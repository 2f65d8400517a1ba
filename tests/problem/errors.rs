//! Every error is provoked, and says what a caller needs to know.

use diagonet::{
    ConditionalDensities, CoordinateGroup, Densities, ElasticNet, Error, Estimator, Feature,
    InductiveBias, Initialization, InitializationDesign, Law, LayerScales, NetworkPath, Penalty,
    Pretrained, Prior, RecoveryThreshold, Samples, ScaleMap, Scales, SeparablePenalty, Solver,
    Stage, Supports, TargetBias, Task, TaskBias, Transfer, ordinary_least_squares, weighted_l1,
};
use nalgebra::dvector;

const NOT_NUMBERS: [f64; 3] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

#[track_caller]
fn assert_names<T: std::fmt::Debug>(result: diagonet::Result<T>, name: &str) {
    match result.as_ref().map_err(Error::cause) {
        Err(Error::OutOfDomain { parameter, .. }) => assert_eq!(*parameter, name),
        _ => panic!("expected {name} to be out of its domain, found {result:?}"),
    }
}

fn unit_task() -> Task {
    Task::new(
        Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 }).unwrap(),
    )
    .unwrap()
}

fn unit_law(scale: f64) -> Law {
    Law::new(vec![
        CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0).unwrap(), scale).unwrap(),
    ])
    .unwrap()
}

#[test]
fn numbers_outside_their_domain_name_the_parameter() {
    let samples = Samples::new(0.5).unwrap();
    let pretraining = Initialization::new(Scales { absolute: 1.0, relative: 0.0 }).unwrap();
    let map = ScaleMap::new(pretraining, 0.0).unwrap();
    let penalty = Penalty::new(1.0).unwrap();
    let negative_and = |more: &[f64]| {
        let mut values = NOT_NUMBERS.to_vec();
        values.push(-1e-9);
        values.extend(more);
        values
    };
    for x in negative_and(&[1e-151, 1e151]) {
        assert_names(
            Initialization::from_layers(LayerScales { first_layer: x, readout: 1.0 }),
            "first_layer",
        );
        assert_names(
            Initialization::from_layers(LayerScales { first_layer: 1.0, readout: x }),
            "readout",
        );
    }
    for x in negative_and(&[1e-301, 1e301]) {
        assert_names(Initialization::new(Scales { absolute: x, relative: 0.0 }), "absolute_scale");
    }
    for x in negative_and(&[1e-308, 1e308]) {
        assert_names(Penalty::new(x), "scale");
        assert_names(SeparablePenalty::new(dvector![1.0, x]), "scale");
        assert_names(CoordinateGroup::new("g", 0.5, Prior::ZERO, x), "scale");
    }
    for x in NOT_NUMBERS.into_iter().chain([-1.0 - f64::EPSILON, 1.0 + f64::EPSILON]) {
        assert_names(Initialization::new(Scales { absolute: 1.0, relative: x }), "relative_scale");
    }
    for x in NOT_NUMBERS.into_iter().chain([1e301, -1e301]) {
        assert_names(pretraining.weights(x), "beta");
        assert_names(map.fine_tuning_scale(x), "beta_pt");
        assert_names(map.log_sensitivity(x), "beta_pt");
        assert_names(map.fine_tuning_initialization(x), "beta_pt");
        assert_names(map.fine_tuning_scales(dvector![0.0, x]), "beta_pt");
        assert_names(map.log_sensitivities(dvector![0.0, x]), "beta_pt");
        assert_names(map.fine_tuning_initializations(dvector![0.0, x]), "beta_pt");
        assert_names(penalty.value(x), "beta");
        assert_names(penalty.derivative(x), "beta");
        assert_names(penalty.curvature(x), "beta");
        assert_names(penalty.l_order(x), "beta");
        assert_names(penalty.proximal(x, 1.0), "z");
        let separable = SeparablePenalty::new(dvector![1.0, 1.0]).unwrap();
        assert_names(separable.value(dvector![0.0, x]), "beta");
        assert_names(separable.gradient(dvector![0.0, x]), "beta");
    }
    for x in NOT_NUMBERS.into_iter().chain([1e151, -1e151]) {
        assert_names(NetworkPath::new(x, 0.0), "first_layer");
        assert_names(NetworkPath::new(0.0, x), "readout");
        assert_names(Prior::gaussian(x, 1.0), "mean");
        assert_names(Prior::atom(x), "mean");
        assert_names(unit_task().with_pretraining_magnitude(x), "pretraining_magnitude");
    }
    let correlated = unit_task().with_correlation(0.5).unwrap();
    for x in NOT_NUMBERS.into_iter().chain([-1.0 - f64::EPSILON, 1.0 + f64::EPSILON]) {
        assert_names(unit_task().with_correlation(x), "correlation");
    }
    assert_names(correlated.clone().with_pretraining_magnitude(0.0), "correlation");
    assert_names(correlated.clone().with_pretraining_prior(Prior::ZERO), "correlation");
    let gaussian = unit_task().with_pretraining_prior(Prior::gaussian(0.0, 1.0).unwrap()).unwrap();
    assert_names(TaskBias::of_task(&gaussian, &map), "pretraining_variance");
    for x in negative_and(&[1e151]) {
        assert_names(ScaleMap::new(pretraining, x), "readout_scale");
    }
    for x in negative_and(&[1e301]) {
        assert_names(penalty.proximal(1.0, x), "theta");
        assert_names(Prior::gaussian(0.0, x), "variance");
        assert_names(unit_task().with_fine_tuning_variance(x), "fine_tuning_variance");
        assert_names(samples.with_noise_variance(x), "noise_variance");
        assert_names(Solver::new().with_explicit_penalty(x), "explicit_penalty");
    }
    for x in negative_and(&[1.0 + f64::EPSILON]) {
        assert_names(
            Supports::new(Densities { pretraining: x, fine_tuning: 0.1, overlap: 0.5 }),
            "pretraining_density",
        );
        assert_names(
            Supports::new(Densities { pretraining: 0.1, fine_tuning: x, overlap: 0.5 }),
            "fine_tuning_density",
        );
        assert_names(
            Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: x }),
            "overlap",
        );
        assert_names(
            Supports::from_conditional(ConditionalDensities {
                pretraining: x,
                shared: 0.1,
                new: 0.5,
            }),
            "pretraining_density",
        );
        assert_names(
            Supports::from_conditional(ConditionalDensities {
                pretraining: 0.1,
                shared: x,
                new: 0.5,
            }),
            "shared_density",
        );
        assert_names(
            Supports::from_conditional(ConditionalDensities {
                pretraining: 0.1,
                shared: 0.1,
                new: x,
            }),
            "new_density",
        );
        assert_names(CoordinateGroup::new("g", x, Prior::ZERO, 1.0), "weight");
    }
    for x in negative_and(&[0.0, 1e-301, 1e301]) {
        assert_names(Samples::new(x), "sample_ratio");
    }
    let hardly_any = Supports::from_conditional(ConditionalDensities {
        pretraining: 1e-305,
        shared: 1.0,
        new: 0.0,
    })
    .unwrap();
    assert_names(Task::new(hardly_any), "fine_tuning_density");
}

#[test]
fn out_of_domain_shows_value_and_domain() {
    let message = Samples::new(-0.25).unwrap_err().to_string();
    assert_eq!(message, "sample_ratio = -0.25 is outside its domain [1e-300, 1e300]");
}

#[test]
fn infeasible_supports_show_the_broken_constraint() {
    let error =
        Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.5, overlap: 1.0 }).unwrap_err();
    assert!(matches!(error, Error::InfeasibleSupports { fine_tuning_density: 0.5, .. }));
    assert!(error.to_string().contains("overlap * fine_tuning_density <= pretraining_density"));
}

#[test]
fn vectors_of_another_length_are_refused() {
    let penalty = SeparablePenalty::new(dvector![1.0, 1.0]).unwrap();
    let expected = Error::DimensionMismatch { parameter: "beta", expected: 2, found: 3 };
    assert_eq!(penalty.value(dvector![1.0, 1.0, 1.0]), Err(expected.clone()));
    assert_eq!(penalty.gradient(dvector![1.0, 1.0, 1.0]), Err(expected));
}

#[test]
fn laws_without_unit_weight_are_refused() {
    assert_eq!(Law::new(Vec::new()), Err(Error::WeightsDoNotSumToOne { groups: 0, sum: 0.0 }));
}

#[test]
fn layers_at_zero_leave_the_relative_scale_undefined() {
    let result = Initialization::from_layers(LayerScales { first_layer: 0.0, readout: 0.0 });
    assert_eq!(result, Err(Error::UndefinedRelativeScale));
}

#[test]
fn frozen_coordinates_have_no_finite_penalty() {
    let frozen = Penalty::new(0.0).unwrap();
    assert!(matches!(frozen.value(1.0), Err(Error::Frozen { coefficient: 1.0, .. })));
    assert!(matches!(frozen.derivative(1.0), Err(Error::Frozen { .. })));
    assert_eq!((frozen.value(0.0), frozen.derivative(0.0)), (Ok(0.0), Ok(0.0)));
    assert_eq!(frozen.proximal(1.0, 0.5).unwrap().value, 0.0);
    assert_eq!(frozen.curvature(0.5), Ok(1.0));
}

#[test]
fn quantities_without_a_limit_say_so() {
    let frozen = Penalty::new(0.0).unwrap();
    assert_eq!(frozen.l_order(0.0), Err(Error::NoLimit { quantity: "l_order" }));
}

#[test]
fn quantities_beyond_floats_say_where() {
    let curvature = Penalty::new(0.0).unwrap().curvature(1e-310);
    assert!(matches!(curvature, Err(Error::NotRepresentable { .. })));
}

#[cfg(feature = "quadrature")]
#[test]
fn states_beyond_floats_say_where() {
    // Noiseless recovery at a scale of 1e-300 has an error of about 1e-590.
    let law = Law::new(vec![
        CoordinateGroup::new("signal", 0.01, Prior::gaussian(0.0, 100.0).unwrap(), 1e-300).unwrap(),
        CoordinateGroup::new("background", 0.99, Prior::ZERO, 1e-300).unwrap(),
    ])
    .unwrap();
    let recovery = Solver::new().solve(&law, &Samples::new(0.9).unwrap());
    assert!(matches!(recovery, Err(Error::NotRepresentable { .. })), "{recovery:?}");
    // A scale far beyond the signal's.
    let tiny_signal = Law::new(vec![
        CoordinateGroup::new("all", 1.0, Prior::atom(1e-100).unwrap(), 1e300).unwrap(),
    ]);
    let solver = Solver::new().with_estimator(Estimator::Quadrature);
    let result = solver.solve(&tiny_signal.unwrap(), &Samples::new(0.5).unwrap());
    assert!(matches!(result, Err(Error::NotRepresentable { .. })));
}

#[test]
fn divergence_at_the_interpolation_threshold_says_so() {
    let samples = Samples::new(1.0).unwrap().with_noise_variance(0.5).unwrap();
    let error = Solver::new().solve(&unit_law(1.0), &samples).unwrap_err();
    assert_eq!(
        error,
        Error::Diverges { sample_ratio: 1.0, noise_variance: 0.5, frozen_signal: 0.0 }
    );
    assert!(error.to_string().contains("diverges"));
}

#[cfg(feature = "quadrature")]
#[test]
fn an_explicit_penalty_keeps_the_error_finite() {
    let samples = Samples::new(1.0).unwrap().with_noise_variance(0.5).unwrap();
    let penalized = Solver::new().with_explicit_penalty(0.1).unwrap();
    assert!(penalized.solve(&unit_law(1.0), &samples).is_ok());
}

#[test]
fn closed_forms_refuse_what_they_do_not_cover() {
    let law = unit_law(1.0);
    let samples = Samples::new(0.5).unwrap();
    let too_few = ordinary_least_squares(&law, &samples);
    assert_names(too_few, "sample_ratio");
    let penalized = Solver::new().with_explicit_penalty(1.0).unwrap();
    let least_squares = penalized.with_estimator(Estimator::LeastSquares);
    assert_names(least_squares.solve(&law, &samples), "explicit_penalty");
    let net = Estimator::ElasticNet(ElasticNet::new(0.5).unwrap());
    assert_names(Solver::new().with_estimator(net).solve(&law, &samples), "explicit_penalty");
    for curvature in NOT_NUMBERS.into_iter().chain([-1e-300, 1e151]) {
        assert_names(ElasticNet::new(curvature), "curvature");
    }
    let moved = law.groups()[0].clone().with_start(1.0).unwrap();
    let moved = Law::new(vec![moved]).unwrap();
    for method in [Estimator::Rich, net] {
        assert_names(penalized.with_estimator(method).solve(&moved, &samples), "start");
    }
    for weight in NOT_NUMBERS.into_iter().chain([0.0, -1.0, 1e301]) {
        assert_names(weighted_l1(&law, &[weight], &samples), "weight");
        assert_names(RecoveryThreshold::of_law(&law, &[weight]), "weight");
        let supports =
            Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 }).unwrap();
        assert_names(RecoveryThreshold::of_supports(&supports, weight), "weight_ratio");
    }
    let expected = Error::DimensionMismatch { parameter: "weights", expected: 1, found: 2 };
    assert_eq!(weighted_l1(&law, &[1.0, 1.0], &samples), Err(expected.clone()));
    assert_eq!(RecoveryThreshold::of_law(&law, &[1.0, 1.0]), Err(expected));
    for tolerance in NOT_NUMBERS.into_iter().chain([-1e-9, 1.1]) {
        assert_names(Solver::new().with_tolerance(tolerance), "tolerance");
    }
}

#[test]
fn frozen_signal_is_not_recoverable() {
    let result = RecoveryThreshold::of_law(&unit_law(0.0), &[1.0]);
    assert_eq!(result, Err(Error::Unrecoverable { frozen_signal: 1.0 }));
}

#[cfg(not(feature = "quadrature"))]
#[test]
fn quadrature_is_asked_for_by_name() {
    let result = Solver::new().solve(&unit_law(1.0), &Samples::new(0.5).unwrap());
    assert!(matches!(result, Err(Error::QuadratureDisabled { .. })));
}

#[test]
fn single_precision_says_where_it_ends() {
    let wide = Penalty::new(1e38_f32).unwrap();
    assert!(matches!(wide.proximal(3e38, 3e38), Err(Error::NotRepresentable { .. })));
    let narrow = Penalty::new(1e-30_f32).unwrap();
    assert!(matches!(narrow.value(3e38), Err(Error::NotRepresentable { .. })));
}

#[test]
fn rounding_does_not_make_supports_feasible() {
    for (pretraining, fine_tuning) in [(1e-20, 9e-16), (0.0, 1e-15)] {
        let result = Supports::new(Densities { pretraining, fine_tuning, overlap: 1.0 });
        assert!(matches!(result, Err(Error::InfeasibleSupports { .. })));
    }
}

#[test]
fn weightless_groups_of_another_order_are_no_numbers() {
    let law = Law::new(vec![
        CoordinateGroup::new("probe", 0.0, Prior::gaussian(0.0, 1e300).unwrap(), 1.0).unwrap(),
        CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1e-10).unwrap(), 1.0).unwrap(),
    ])
    .unwrap();
    let mut methods = vec![Estimator::Rich];
    if cfg!(feature = "quadrature") {
        methods.push(Estimator::Quadrature);
    }
    for method in methods {
        let result = Solver::new().with_estimator(method).solve(&law, &Samples::new(0.5).unwrap());
        let error = result.unwrap_err();
        assert!(matches!(&error, Error::InGroup { label, .. } if label.as_str() == "probe"));
        assert!(matches!(error.cause(), Error::NotRepresentable { .. }), "{error:?}");
    }
}

/// A constructor of one number, and whether it takes zero on top of the interval of its domain.
type Constructor = Box<dyn Fn(f64) -> Result<(), Error>>;

/// The ends of a domain, and whether they belong to it, from what its error says.
fn ends(domain: &str) -> [(f64, bool); 2] {
    let interval = domain.trim_start_matches("0 or ").split(", for").next().unwrap();
    let (open, close) = (&interval[..1], &interval[interval.len() - 1..]);
    let (low, high) = interval[1..interval.len() - 1].split_once(", ").expect("an interval");
    [(low.parse().unwrap(), open == "["), (high.parse().unwrap(), close == "]")]
}

#[test]
fn advertised_domains_are_those_that_are_checked() {
    fn constructor<T>(of: impl Fn(f64) -> diagonet::Result<T> + 'static) -> Constructor {
        Box::new(move |x| of(x).map(|_| ()))
    }
    let samples = Samples::new(0.5).unwrap();
    let pretraining = Initialization::new(Scales { absolute: 1.0, relative: 0.0 }).unwrap();
    let map = ScaleMap::new(pretraining, 0.0).unwrap();
    let penalty = Penalty::new(1.0).unwrap();
    let group = || CoordinateGroup::new("g", 0.5, Prior::ZERO, 1.0).unwrap();
    let supports =
        Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 }).unwrap();
    let unit = Feature { pretrained_coefficient: 1.0, coefficient: 1.0 };
    let bias = InductiveBias::of_feature(&map, unit).unwrap();
    let mut constructors = vec![
        constructor(Samples::new),
        constructor(move |x| samples.with_noise_variance(x)),
        constructor(|x| Initialization::from_layers(LayerScales { first_layer: x, readout: 1.0 })),
        constructor(|x| Initialization::from_layers(LayerScales { first_layer: 1.0, readout: x })),
        constructor(|x| Initialization::new(Scales { absolute: x, relative: 0.0 })),
        constructor(|x| Initialization::new(Scales { absolute: 1.0, relative: x })),
        constructor(move |x| pretraining.weights(x)),
        constructor(move |x| ScaleMap::new(pretraining, x)),
        constructor(move |x| map.fine_tuning_scale(x)),
        constructor(move |x| map.log_sensitivity(x)),
        constructor(Penalty::<f64>::new),
        constructor(move |x| penalty.value(x)),
        constructor(move |x| penalty.proximal(x, 1.0)),
        constructor(move |x| penalty.proximal(1.0, x)),
        constructor(|x| NetworkPath::new(x, 0.0)),
        constructor(|x| NetworkPath::new(0.0, x)),
        constructor(|x| Prior::gaussian(x, 1.0)),
        constructor(|x| Prior::gaussian(0.0, x)),
        constructor(|x| Pretrained::new(x, Prior::ZERO)),
        constructor(|x| Pretrained::new(1.0, Prior::ZERO)?.with_covariance(x)),
        constructor(|x| CoordinateGroup::new("g", x, Prior::ZERO, 1.0)),
        constructor(|x| CoordinateGroup::new("g", 1.0, Prior::ZERO, x)),
        constructor(move |x| group().with_start(x)),
        constructor(|x| {
            Supports::from_conditional(ConditionalDensities {
                pretraining: x,
                shared: 0.1,
                new: 0.5,
            })
        }),
        constructor(|x| {
            Supports::from_conditional(ConditionalDensities {
                pretraining: 0.1,
                shared: x,
                new: 0.5,
            })
        }),
        constructor(|x| {
            Supports::from_conditional(ConditionalDensities {
                pretraining: 0.1,
                shared: 0.1,
                new: x,
            })
        }),
        constructor(|x| unit_task().with_correlation(x)),
        constructor(|x| unit_task().with_fine_tuning_variance(x)),
        constructor(|x| unit_task().with_pretraining_magnitude(x)),
        constructor(|x| Solver::new().with_tolerance(x)),
        constructor(|x| Solver::new().with_explicit_penalty(x)),
        constructor(move |x| RecoveryThreshold::of_supports(&supports, x)),
        constructor(move |x| bias.regime_at(x)),
        constructor(move |x| InitializationDesign::new(&unit_task(), samples, x)),
    ];
    #[cfg(feature = "simulation")]
    {
        use diagonet::simulation::{GradientDescent, GradientFlow, Interpolator, MonteCarlo};
        constructors.extend([
            constructor(|x| Interpolator::new().with_tolerance(x)),
            constructor(|x| Interpolator::new().with_explicit_penalty(x)),
            constructor(|x| GradientDescent::new().with_learning_rate(x)),
            constructor(|x| GradientDescent::new().with_target_training_error(x)),
            constructor(|x| GradientFlow::new().with_tolerance(x)),
            constructor(|x| MonteCarlo::new(1)?.with_target_standard_error(x)),
        ]);
    }
    constructors.push(constructor(move |x| {
        InitializationDesign::new(&unit_task(), samples, 1.0)?.with_tolerance(x)
    }));
    for constructor in constructors {
        let error = constructor(f64::NAN).unwrap_err();
        let &Error::OutOfDomain { parameter, domain, .. } = error.cause() else {
            panic!("{error:?}")
        };
        let refused = |x: f64| match constructor(x) {
            Ok(()) => false,
            Err(error) => {
                assert!(matches!(error.cause(), Error::OutOfDomain { .. }), "{error:?}");
                true
            }
        };
        let domain = domain.to_string();
        let domain = domain.as_str();
        let [(low, has_low), (high, has_high)] = ends(domain);
        assert_eq!(refused(low), !has_low, "{parameter} = {low:e}: {domain}");
        assert_eq!(refused(high), !has_high, "{parameter} = {high:e}: {domain}");
        assert!(!refused(low.next_up()) && !refused(high.next_down()), "{parameter}: {domain}");
        assert!(refused(low.next_down()) && refused(high.next_up()), "{parameter}: {domain}");
        assert_eq!(
            refused(0.0),
            !(domain.starts_with("0 or ")
                || (low..=high).contains(&0.0) && (low != 0.0 || has_low))
        );
    }
}

#[test]
fn errors_of_a_group_name_it() {
    let group = || CoordinateGroup::new("background", 0.5, Prior::ZERO, 1.0).unwrap();
    let pretrained = Pretrained::new(1.0, Prior::ZERO).unwrap().with_covariance(1.0).unwrap();
    let law = Law::new(vec![
        CoordinateGroup::new("signal", 0.5, Prior::gaussian(0.0, 1.0).unwrap(), 1.0).unwrap(),
        group().with_start(2.0).unwrap(),
    ])
    .unwrap();
    let samples = Samples::new(0.3).unwrap();
    for (error, parameter) in [
        (CoordinateGroup::new("background", 2.0, Prior::ZERO, 1.0).unwrap_err(), "weight"),
        (CoordinateGroup::new("background", 0.5, Prior::ZERO, -1.0).unwrap_err(), "scale"),
        (group().with_start(1e151).unwrap_err(), "start"),
        (group().with_pretrained(pretrained).unwrap_err(), "covariance"),
        (weighted_l1(&law, &[1.0, 0.0], &samples).unwrap_err(), "weight"),
        (weighted_l1(&law, &[1.0, 1.0], &samples).unwrap_err(), "start"),
        (RecoveryThreshold::of_law(&law, &[1.0, -1.0]).unwrap_err(), "weight"),
        (RecoveryThreshold::of_law(&law, &[1.0, 1.0]).unwrap_err(), "start"),
    ] {
        assert!(error.to_string().starts_with("in the group 'background': "), "{error}");
        assert_names::<()>(Err(error), parameter);
    }
}

#[test]
fn divergence_of_pretraining_names_its_stage() {
    let map =
        ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: 0.0 }).unwrap(), 0.0)
            .unwrap();
    let noisy = |ratio| Samples::new(ratio).unwrap().with_noise_variance(0.1).unwrap();
    let (solver, threshold, few) = (Solver::new(), noisy(1.0), noisy(0.3));
    let transfer = Transfer::new(&unit_task(), map).with_pretraining_samples(threshold);
    let mut errors = vec![
        transfer.pretraining().unwrap_err(),
        transfer.law(0).unwrap_err(),
        solver.solve(&transfer, &few).unwrap_err(),
        solver.solve(&transfer, &few).unwrap_err(),
        solver.solve(&transfer, &few).and_then(|s| s.sensitivities()).unwrap_err(),
    ];
    let design = InitializationDesign::new(&unit_task(), few, 1e-3)
        .unwrap()
        .with_pretraining_samples(threshold);
    errors.push(design.optimum().unwrap_err());
    for error in errors {
        let is_pretraining = matches!(&error, Error::InStage { stage: Stage::Pretraining, .. });
        assert!(is_pretraining && matches!(error.cause(), Error::Diverges { .. }), "{error:?}");
        let message = error.to_string();
        assert!(
            message.starts_with("in pretraining: the generalization error diverges"),
            "{message}"
        );
    }
    // Fine-tuning is the stage that errors without one belong to.
    let transfer = Transfer::new(&unit_task(), map);
    let error = solver.solve(&transfer, &threshold).unwrap_err();
    assert!(matches!(error, Error::Diverges { .. }), "{error:?}");
}

#[test]
fn priors_that_are_no_atom_are_sent_to_where_they_are_taken() {
    let map =
        ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: 0.0 }).unwrap(), 0.0)
            .unwrap();
    let gaussian = Prior::gaussian(0.0, 2.0).unwrap();
    let task = unit_task().with_pretraining_prior(gaussian).unwrap();
    let message = Law::fine_tuning(&task, &map).unwrap_err().to_string();
    assert!(message.starts_with("pretraining_variance = 2.0 is outside its domain 0"), "{message}");
    assert!(message.contains("Transfer"), "{message}");
    let of_task = TaskBias::of_task(&task, &map).unwrap_err().to_string();
    assert!(!of_task.contains("Transfer"), "{of_task}");
}

#[test]
fn a_bias_out_of_reach_says_what_a_smaller_scale_reaches() {
    let (mut widened, mut fixed) = (0, 0);
    for l_order in [1.05, 1.3, 1.6, 1.95] {
        for pretrained_coefficient in [0.0, 1e-3, 0.3, 40.0] {
            for scale in [1e-2, 1.0, 30.0] {
                let feature = Feature { pretrained_coefficient, coefficient: 1.0 };
                let realize = |pretraining_dependence: f64, scale| {
                    let target = TargetBias { l_order, pretraining_dependence };
                    InductiveBias::realize(target, feature, scale)
                };
                let error = realize(-1.0, scale).unwrap_err();
                let message = error.to_string();
                let Error::Unattainable { lowest_dependence, lowest_at_any_scale, .. } = error
                else {
                    panic!("{error:?}")
                };
                assert!(realize(lowest_dependence * 0.999_999, scale).is_ok());
                assert!(lowest_at_any_scale <= lowest_dependence);
                let widens = lowest_at_any_scale < lowest_dependence;
                assert_eq!(
                    message.contains("a smaller absolute_scale widens"),
                    widens,
                    "{message}"
                );
                if widens {
                    widened += 1;
                    // In reach of a small scale, and no further.
                    assert!(realize(lowest_at_any_scale * 0.999_999, 1e-9).is_ok(), "{message}");
                    assert!(realize(lowest_at_any_scale * 1.000_001, 1e-9).is_err(), "{message}");
                } else {
                    fixed += 1;
                    assert!(realize(lowest_dependence - 1e-6, 1e-9).is_err(), "{message}");
                }
            }
        }
    }
    assert!(widened > 10 && fixed >= 12, "{widened} {fixed}");
}

#[cfg(feature = "simulation")]
#[test]
fn networks_that_diverge_name_the_stage_of_their_training() {
    use diagonet::simulation::{Experiment, GradientDescent, Trainer};
    let map =
        ScaleMap::new(Initialization::new(Scales { absolute: 1.0, relative: 0.0 }).unwrap(), 0.0)
            .unwrap();
    let samples = Samples::new(0.5).unwrap();
    let error = |transfer: Transfer| {
        let descent = GradientDescent::new().with_learning_rate(1e6).unwrap();
        let experiment = Experiment::new(transfer, samples, 20).unwrap();
        let experiment = experiment.with_trainer(Trainer::Descent(descent));
        experiment.run(1, 0).unwrap_err()
    };
    let unlimited = Transfer::new(&unit_task(), map);
    let in_pretraining = error(unlimited.clone().with_pretraining_samples(samples));
    assert!(matches!(in_pretraining, Error::InStage { stage: Stage::Pretraining, .. }));
    assert!(matches!(in_pretraining.cause(), Error::TrainingDiverged { .. }));
    assert!(in_pretraining.to_string().starts_with("in pretraining: training diverged"));
    assert!(matches!(error(unlimited), Error::TrainingDiverged { .. }));
}
