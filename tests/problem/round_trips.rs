//! Inputs and answers that are written and read again.
#![cfg(all(feature = "serde", feature = "quadrature"))]

use diagonet::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

fn again<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

fn same<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    assert_eq!(&again(value), value);
}

fn task() -> Task {
    let densities = Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.7 };
    Task::new(Supports::new(densities).unwrap()).unwrap()
}

fn map() -> ScaleMap {
    let scales = GapScales { absolute: 0.01, lambda_gap: 1e-20 };
    ScaleMap::new(Initialization::from_lambda_gap(scales).unwrap(), 0.1).unwrap()
}

#[test]
fn inputs_read_back_to_the_bit() {
    for initialization in [
        Initialization::new(Scales { absolute: 0.1, relative: -0.3 }),
        Initialization::from_lambda_gap(GapScales { absolute: 1e-3, lambda_gap: 1e-20 }),
        Initialization::from_layers(LayerScales { first_layer: 1e-12, readout: 0.7 }),
    ] {
        same(&initialization.unwrap());
    }
    let conditional = ConditionalDensities { pretraining: 0.3, shared: 0.21, new: 0.07 };
    for supports in [
        task().supports(),
        Supports::from_conditional(conditional).unwrap(),
        Task::from_coefficients(&[1.0, 0.0, 2.0], &[0.3, 0.1, 0.0]).unwrap().supports(),
    ] {
        let read = again(&supports);
        assert_eq!(read, supports);
        assert_eq!(read.fine_tuning_density(), supports.fine_tuning_density());
        assert_eq!(read.overlap(), supports.overlap());
    }
    let mixture = Mixture::laplace(0.7).unwrap();
    let rich = task()
        .with_pretraining_prior(Prior::gaussian(0.3, 1.1).unwrap())
        .and_then(|task| task.with_new_prior(mixture))
        .and_then(|task| task.with_correlation(0.3))
        .unwrap();
    let known = Task::from_coefficients(&[1.0, 0.0, 0.0, -0.3], &[0.3, 0.1, 0.0, 0.0]).unwrap();
    let samples = Samples::new(0.3).unwrap().with_noise_variance(0.02).unwrap();
    for task in [rich, known] {
        same(&task);
        let transfer = Transfer::new(&task, map()).with_protocol(Protocol::Continued);
        same(&transfer.clone().with_pretraining_samples(samples));
        for name in ["rebalanced 0.1", "rescaled 0.3 1e-7", "probe_kept", "adapter 0.7"] {
            let protocol: Protocol = name.parse().unwrap();
            same(&transfer.clone().with_protocol(protocol));
        }
    }
    let adapter = Transfer::new(&task(), map()).with_protocol(Protocol::adapter(0.7).unwrap());
    same(&adapter.law(0).unwrap());
    let solver = Solver::new().with_estimator(Estimator::ElasticNet(ElasticNet::new(0.3).unwrap()));
    same(&solver.with_explicit_penalty(0.1).unwrap());
    let noise = LabelNoise { variance: 0.1, steps_per_coordinate: 3.0 };
    let optimizer = Optimizer::new().with_learning_rate(0.3).unwrap().with_batch(4).unwrap();
    same(&optimizer.with_label_noise(noise).unwrap().with_weight_decay_integral(0.2).unwrap());
    for class in FeatureClass::ALL {
        same(&class);
    }
}

#[test]
fn sequences_read_back_to_the_bit() {
    let samples = Samples::new(0.3).unwrap().with_noise_variance(0.02).unwrap();
    let prior = Prior::gaussian(0.1, 3.0).unwrap();
    let kinds = vec![
        FeatureKind::in_proportion("forget", 0.1, prior, &[0.7, 0.0]).unwrap(),
        FeatureKind::independent("both", 0.2, &[prior, prior]).unwrap(),
        FeatureKind::known("unused", 0.7, &[0.0, 0.3]).unwrap(),
    ];
    kinds.iter().for_each(same);
    let several = SequenceStage::on_tasks(&[0.3, 0.4]).unwrap();
    let stages = [
        SequenceStage::on_task(0),
        several.with_samples(samples).with_readout_scale(0.1).unwrap(),
        SequenceStage::on_task(1).with_protocol("rescaled 0.3 1e-7".parse().unwrap()),
    ];
    stages.iter().for_each(same);
    let empty = Sequence::new(kinds, map().pretraining()).unwrap().with_tolerance(1e-2).unwrap();
    let sequence =
        stages.into_iter().fold(empty, |sequence, stage| sequence.with_stage(stage).unwrap());
    same(&sequence);
    let atoms = r#"{"kinds": [{"label": "all", "probability": 1.0, "means": [1.0]}],
        "initialization": {"absolute": 0.1, "relative": 0.0}, "stages": [{"targets": [1.0]}]}"#;
    let read = serde_json::from_str::<Sequence>(atoms).unwrap();
    assert_eq!(read.stages(), [SequenceStage::on_task(0)]);
    same(&read.solve().unwrap());
    for (good, bad) in [
        ("[{\"targets\": [1.0]}]", "[{\"targets\": [0.4, 0.4]}]"),
        ("\"means\": [1.0]", "\"means\": [1.0], \"loadings\": [[1.0], [1.0]]"),
        ("\"probability\": 1.0", "\"probability\": 0.5"),
        ("\"absolute\": 0.1", "\"absolute\": 0.0"),
    ] {
        assert!(atoms.contains(good));
        assert!(serde_json::from_str::<Sequence>(&atoms.replace(good, bad)).is_err(), "{bad}");
    }
}

#[test]
fn answers_read_back_and_can_be_asked() {
    let samples = Samples::new(0.3).unwrap().with_noise_variance(0.02).unwrap();
    let transfer = Transfer::new(&task(), map()).with_pretraining_samples(samples);
    let solution = Solver::new().solve(&transfer, &samples).unwrap();
    same(&solution);
    same(&solution.statistics(0.1).unwrap());
    same(&solution.sensitivities().unwrap());
    let optimizer = Optimizer::new().with_weight_decay_integral(0.2).unwrap();
    same(&solution.effective_scale(&optimizer).unwrap());
    assert_eq!(
        again(&solution).sensitivities().unwrap(),
        solution.sensitivities().unwrap(),
        "asked after reading"
    );
    same(
        &InductiveBias::of_feature(
            &map(),
            Feature { pretrained_coefficient: 1.0, coefficient: 0.5 },
        )
        .unwrap(),
    );
    let design = InitializationDesign::new(&task(), samples, 1e-3).unwrap();
    same(&design.with_readout_scales(0.0..=0.0).unwrap().optimum().unwrap());
}

#[test]
fn names_are_stable() {
    let transfer = Transfer::new(&task(), map());
    let text = serde_json::to_value(&transfer).unwrap();
    let expected = serde_json::json!({
        "task": {
            "supports": { "pretraining": 0.2, "fine_tuning": 0.1, "overlap": 0.7 },
            "pretraining_prior": [{ "weight": 1.0, "mean": 1.0, "variance": 0.0 }],
            "shared_prior": [{ "weight": 1.0, "mean": 0.0, "variance": 10.0 }],
            "new_prior": [{ "weight": 1.0, "mean": 0.0, "variance": 10.0 }],
            "correlation": 0.0,
            "input_variances": [1.0, 1.0, 1.0, 1.0],
        },
        "scale_map": {
            "pretraining": { "absolute": 0.01, "lambda_gap": 1e-20 },
            "readout_scale": 0.1,
        },
        "pretraining_samples": null,
        "protocol": "rebalanced",
    });
    assert_eq!(text, expected);
    let law = Law::fine_tuning(&task(), &map()).unwrap();
    let solution = Solver::new().solve(&law, &Samples::new(0.3).unwrap()).unwrap();
    let text = serde_json::to_value(&solution).unwrap();
    assert_eq!(text["estimator"], "quadrature");
    assert_eq!(text["errors"]["groups"][1]["label"], "new");
    assert!(text["state"]["effective_penalty"].is_number());
}

#[test]
fn what_is_read_is_checked() {
    let refused = |text: &str, name: &str| {
        let error = serde_json::from_str::<Samples>(text).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    };
    refused(r#"{"sample_ratio": -0.5}"#, "sample_ratio = -0.5 is outside its domain");
    refused(r#"{"sample_ratio": 0.5, "noise": 1.0}"#, "unknown field `noise`");
    let read = serde_json::from_str::<Supports>;
    assert!(read(r#"{"pretraining": 0.1, "fine_tuning": 0.9, "overlap": 1.0}"#).is_err());
    assert!(read(r#"{"shared": 0.1, "new": 0.9, "pretraining_only": 1.0, "none": 0.0}"#).is_err());
    let error = serde_json::from_str::<Law>(r#"{"groups": []}"#).unwrap_err().to_string();
    assert!(error.contains("sum to 0.0 instead of 1"), "{error}");
    assert!(serde_json::from_str::<Estimator>("\"fast\"").is_err());
    assert!(serde_json::from_str::<Optimizer>(r#"{"learning_rate": 0.1, "batch": 0}"#).is_err());
    assert_eq!(serde_json::from_str::<Optimizer>("{}").unwrap(), Optimizer::new());
    let missing = r#"{"supports": {"shared": 0.5, "new": 0.5, "pretraining_only": 0.0, "none": 0.0},
        "coefficients": [{"class": "shared", "share": 1.0, "pretraining": 1.0,
        "fine_tuning": {"mean": 1.0, "variance": 0.0}}]}"#;
    assert!(serde_json::from_str::<Task>(missing).is_err());
}
