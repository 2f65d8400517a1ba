//! Conventions of the source authors' code, and what is right where stored scripts slip.

use crate::common::relative_error;
use diagonet::*;

fn one_group(scale: f64) -> Law {
    let prior = Prior::gaussian(0.0, 2.0).unwrap();
    Law::new(vec![CoordinateGroup::new("all", 1.0, prior, scale).unwrap()]).unwrap()
}

/// For inputs of variance 1/N, least squares has the error `sigma0² N/(N - D)` a coordinate.
#[test]
fn noise_is_that_of_inputs_of_variance_one_over_n() {
    let (alpha, noise) = (3.0, 0.7);
    let samples = SourceConventions::default().samples(alpha, noise).unwrap();
    let error = ordinary_least_squares(&one_group(1.0), &samples).unwrap().generalization_error();
    assert!(relative_error(error, noise * alpha / (alpha - 1.0)) < 1e-14);
}

#[test]
fn the_sign_of_the_relative_scale_is_that_of_the_layers() {
    let reversed = SourceConventions {
        relative_scale: RelativeScaleSign::ReadoutLessFirstLayer,
        ..SourceConventions::default()
    };
    let scales = Scales { absolute: 2.0, relative: -1.0 };
    let paper = SourceConventions::default().initialization(scales).unwrap();
    assert_eq!((paper.first_layer(), paper.readout()), (0.0, 2.0_f64.sqrt()));
    let code = reversed.initialization(scales).unwrap();
    assert_eq!((code.first_layer(), code.readout()), (2.0_f64.sqrt(), 0.0));
    assert!(matches!(
        reversed.initialization(Scales { absolute: 2.0, relative: 1.5 }),
        Err(Error::OutOfDomain { parameter: "relative_scale", value: -1.5, .. })
    ));
}

/// Readouts of `v` in both paths are a scale of `v²`.
#[test]
fn a_whole_readout_is_root_two_of_them() {
    let whole = SourceConventions { readout: ReadoutReset::Whole, ..SourceConventions::default() };
    let scales = Scales { absolute: 0.1, relative: -1.0 };
    let map = whole.scale_map(scales, 0.3).unwrap();
    assert!(relative_error(map.fine_tuning_scale(0.0).unwrap(), 0.09) < 1e-15);
    let map = SourceConventions::default().scale_map(scales, 0.3).unwrap();
    assert!(relative_error(map.fine_tuning_scale(0.0).unwrap(), 0.045) < 1e-15);
}

/// Not `alpha (sigma² + error)`.
#[test]
fn effective_noise_is_divided_by_the_sample_ratio() {
    for (alpha, noise) in [(0.2, 0.0), (0.5, 0.3), (0.9, 1.0)] {
        let samples = Samples::new(alpha).unwrap().with_noise_variance(noise).unwrap();
        let solution = minimum_l2(&one_group(1.0), &samples).unwrap();
        let error = 2.0 * (1.0 - alpha) + noise * alpha / (1.0 - alpha);
        assert!(relative_error(solution.generalization_error(), error) < 1e-13);
        let expected = (noise + error) / alpha;
        assert!(relative_error(solution.state.effective_noise_variance, expected) < 1e-13);
    }
}

/// Not `sigma²`.
#[test]
fn noisy_pretraining_on_many_samples_is_least_squares() {
    let supports =
        Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 }).unwrap();
    let task = Task::new(supports).unwrap();
    let initialization = Initialization::new(Scales { absolute: 1e-3, relative: 0.0 }).unwrap();
    let map = ScaleMap::new(initialization, 0.0).unwrap();
    for (alpha, expected) in [(1.25, 0.4), (1.5, 0.2), (2.0, 0.1), (11.0, 0.01)] {
        let samples = Samples::new(alpha).unwrap().with_noise_variance(0.1).unwrap();
        let transfer = Transfer::new(&task, map).with_pretraining_samples(samples);
        let pretraining = transfer.pretraining().unwrap().unwrap();
        let state = pretraining.state;
        assert!(relative_error(state.effective_noise_variance, expected) < 1e-14);
        assert!(relative_error(pretraining.generalization_error(), expected) < 1e-14);
    }
}
