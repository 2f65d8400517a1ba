//! What every type promises beyond its numbers: names that read back, values that cross threads.

use crate::common::config;
use diagonet::*;
use proptest::prelude::*;

const fn shared<T: Send + Sync>() {}
const _: () = {
    shared::<BarycentricCoordinates>();
    shared::<BestPenalty>();
    shared::<ConditionalDensities>();
    shared::<ConservedQuantities>();
    shared::<CoordinateGroup>();
    shared::<Densities>();
    shared::<DiagramAxis>();
    shared::<Domain>();
    shared::<EffectiveScale>();
    shared::<ElasticNet>();
    shared::<Error>();
    shared::<Errors>();
    shared::<EstimateStatistics>();
    shared::<Estimator>();
    shared::<Feature>();
    shared::<FeatureClass>();
    shared::<FixedPoint>();
    shared::<GapScales>();
    shared::<GroupError>();
    shared::<GroupGradient>();
    shared::<GroupLabel>();
    shared::<GroupStatistics>();
    shared::<InductiveBias>();
    shared::<Initialization>();
    shared::<InitializationDesign>();
    shared::<LabelNoise>();
    shared::<Law>();
    shared::<LawGradient>();
    shared::<LayerFactors>();
    shared::<LayerScales>();
    shared::<Mixture>();
    shared::<NetworkPath>();
    shared::<OptimalParameter>();
    shared::<Optimizer>();
    shared::<Optimum>();
    shared::<OptimumPosition>();
    shared::<Penalty<f64>>();
    shared::<PenaltyPosition>();
    shared::<PhaseDiagram<TaskBias>>();
    shared::<PowerLaw>();
    shared::<Pretrained>();
    shared::<Prior>();
    shared::<Protocol>();
    shared::<ProtocolBias>();
    shared::<ProtocolDesign>();
    shared::<ProtocolOptimum>();
    shared::<ProtocolParameter>();
    shared::<ProtocolRanking>();
    shared::<ProximalPoint<f64>>();
    shared::<RankedProtocol>();
    shared::<ReadoutReset>();
    shared::<RecoveryThreshold>();
    shared::<Regime>();
    shared::<RegimeShares>();
    shared::<RelativeScaleSign>();
    shared::<Samples>();
    shared::<ScaleAndStart>();
    shared::<ScaleMap>();
    shared::<Scales>();
    shared::<Sensitivities<LawGradient>>();
    shared::<SeparablePenalty<f64>>();
    shared::<ShrunkScale>();
    shared::<Solution>();
    shared::<Solver>();
    shared::<SourceConventions>();
    shared::<Stage>();
    shared::<Statistics>();
    shared::<Supports>();
    shared::<TargetBias>();
    shared::<Task>();
    shared::<TaskBias>();
    shared::<TrainedLayers>();
    shared::<Transfer>();
    shared::<TransferGradient>();
    shared::<TransferSolution>();
    shared::<Weights>();
};

#[cfg(feature = "quadrature")]
const _: () = {
    shared::<BayesOptimal>();
    shared::<BayesSolution>();
    shared::<BayesState>();
    shared::<FeatureKind>();
    shared::<Sequence>();
    shared::<SequenceSolution>();
    shared::<SequenceStage>();
    shared::<StageSolution>();
};

#[cfg(feature = "simulation")]
const _: () = {
    use diagonet::simulation::*;
    shared::<Checkpoint>();
    shared::<Dataset>();
    shared::<Draw>();
    shared::<Ensemble>();
    shared::<Experiment>();
    shared::<GradientDescent>();
    shared::<GradientFlow>();
    shared::<Interpolation>();
    shared::<Interpolator>();
    shared::<MonteCarlo>();
    shared::<Network>();
    shared::<Outcome>();
    shared::<OwnData>();
    shared::<PretrainingOutcome>();
    shared::<Shard>();
    shared::<Statistic>();
    shared::<StochasticDescent>();
    shared::<Stop>();
    shared::<SupportSampling>();
    shared::<Trainer>();
    shared::<Training>();
};

#[test]
fn names_read_back() {
    let plain = [
        Estimator::Auto,
        Estimator::Quadrature,
        Estimator::Lazy,
        Estimator::Rich,
        Estimator::LeastSquares,
    ];
    let nets =
        [0.0, 0.1, 1e-150, 1e150].map(|mu| Estimator::ElasticNet(ElasticNet::new(mu).unwrap()));
    for method in plain.into_iter().chain(nets) {
        assert_eq!(method.to_string().parse(), Ok(method));
    }
    for protocol in [Protocol::REBALANCED, Protocol::Continued] {
        assert_eq!(protocol.to_string().parse(), Ok(protocol));
    }
    let error = "Auto".parse::<Estimator>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "estimator = \"Auto\" is none of auto, quadrature, lazy, rich, least squares, elastic net 0.5 (or \
         another curvature)"
    );
    for name in ["elastic net", "elastic net ", "elastic net x"] {
        assert!(matches!(name.parse::<Estimator>(), Err(Error::UnknownName { .. })), "{name}");
    }
    let negative = "elastic net -1".parse::<Estimator>();
    assert!(matches!(negative, Err(Error::OutOfDomain { parameter: "curvature", .. })));
    let error = "".parse::<Protocol>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "protocol = \"\" is none of rebalanced (or, with an input gain, rebalanced 0.5), continued, \
         rescaled 3 0.5, learning_rates 5, readout_reset, probe_kept, probe_reset, probe_rebalanced (or \
         probe_rebalanced 0.5), frozen_readout, adapter 0.1"
    );
}

proptest! {
    #![proptest_config(config(1000))]

    #[test]
    fn lambda_gap_reads_back_to_the_bit(exponent in -300.0..0.3_f64, scale in -300.0..300.0_f64) {
        let (gap, scale) = (10f64.powf(exponent).clamp(1e-300, 2.0), 10f64.powf(scale).max(1e-300));
        let built = Initialization::from_lambda_gap(GapScales { absolute: scale, lambda_gap: gap })?;
        prop_assert_eq!((built.absolute_scale(), built.lambda_gap()), (scale, gap));
        prop_assert_eq!(Initialization::from_lambda_gap(GapScales { absolute: scale, lambda_gap: built.lambda_gap() })?, built);
    }
}

#[test]
fn lambda_gap_outside_its_domain_is_named() {
    for gap in [f64::NAN, f64::INFINITY, -1e-300, 9e-301, 5e-324, 2.0000000000000004] {
        let error = Initialization::from_lambda_gap(GapScales { absolute: 1.0, lambda_gap: gap })
            .unwrap_err();
        assert!(matches!(error, Error::OutOfDomain { parameter: "lambda_gap", .. }), "{error}");
    }
    for gap in [0.0, 1e-300, 2.0] {
        assert_eq!(
            Initialization::from_lambda_gap(GapScales { absolute: 1.0, lambda_gap: gap })
                .unwrap()
                .lambda_gap(),
            gap
        );
    }
}
