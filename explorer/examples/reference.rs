//! Numbers of the crate for the tests of the page, one object in JSON a line. They are computed by the
//! calls that the crate's documentation names, without the code of this explorer.

use diagonet::{
    BayesOptimal, Densities, Estimator, Feature, FeatureClass, GapScales, Initialization,
    InitializationDesign, Law, Protocol, ProtocolBias, Regime, Result, Samples, ScaleMap, Solver,
    Supports, Task, Transfer,
};

/// A state, as the page's link has it.
struct State {
    c: f64,
    lambda_gap: f64,
    gamma: f64,
    densities: Densities,
    alpha: f64,
    noise_variance: f64,
    pretraining: Option<[f64; 2]>,
    protocol: &'static str,
}

const START: State = State {
    c: 1e-3,
    lambda_gap: 1.0,
    gamma: 0.0,
    densities: Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 1.0 },
    alpha: 0.1,
    noise_variance: 0.01,
    pretraining: None,
    protocol: "rebalanced 1",
};

const STATES: [State; 8] = [
    START,
    State {
        lambda_gap: 1.234_567_890_123_456_7e-2,
        gamma: 0.031,
        densities: Densities { pretraining: 0.2, fine_tuning: 0.05, overlap: 0.6 },
        alpha: 0.15,
        noise_variance: 0.0,
        ..START
    },
    State {
        c: 1e-6,
        lambda_gap: 1e-6,
        densities: Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.0 },
        alpha: 0.4,
        ..START
    },
    State { c: 100.0, gamma: 30.0, alpha: 1.5, noise_variance: 1.0, ..START },
    State {
        lambda_gap: 0.1,
        densities: Densities { pretraining: 0.7, fine_tuning: 0.6, overlap: 0.5 },
        alpha: 0.7,
        protocol: "learning_rates 5",
        ..START
    },
    State { c: 0.1, lambda_gap: 0.5, gamma: 0.6, alpha: 0.3, protocol: "probe_reset", ..START },
    State { alpha: 0.3, protocol: "rescaled 3 0.5", c: 0.1, ..START },
    State {
        lambda_gap: 0.1,
        densities: Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.8 },
        alpha: 0.25,
        pretraining: Some([0.4, 0.01]),
        ..START
    },
];

impl State {
    fn transfer(&self) -> Result<Transfer> {
        let scales = GapScales { absolute: self.c, lambda_gap: self.lambda_gap };
        let map = ScaleMap::new(Initialization::from_lambda_gap(scales)?, self.gamma)?;
        let task = Task::new(Supports::new(self.densities)?)?;
        self.on(&task, map, self.protocol.parse()?)
    }

    fn on(&self, task: &Task, map: ScaleMap, protocol: Protocol) -> Result<Transfer> {
        let transfer = Transfer::new(task, map).with_protocol(protocol);
        Ok(match self.pretraining {
            Some([ratio, noise]) => {
                transfer.with_pretraining_samples(Samples::new(ratio)?.with_noise_variance(noise)?)
            }
            None => transfer,
        })
    }

    fn link(&self) -> String {
        let Densities { pretraining, fine_tuning, overlap } = self.densities;
        let [name, first, second] = {
            let mut words = self.protocol.split(' ');
            [(); 3].map(|()| words.next().unwrap_or("1"))
        };
        let data = match self.pretraining {
            Some([ratio, noise]) => format!("alpha_pt={ratio:e}&noise_var_pt={noise:e}"),
            None => "alpha_pt=unlimited".into(),
        };
        format!(
            "#c={:e}&lambda_gap={:e}&gamma={:e}&rho_pt={pretraining:e}&rho_ft={fine_tuning:e}&\
             overlap={overlap:e}&alpha={:e}&noise_var={:e}&{data}&protocol={name}&first={first}&\
             second={second}",
            self.c, self.lambda_gap, self.gamma, self.alpha, self.noise_variance
        )
    }
}

/// A number of JSON, which has none for what does not exist.
fn json(value: Result<f64>) -> String {
    value.map_or_else(|_| "null".into(), |value| format!("{value:e}"))
}

fn list(values: impl IntoIterator<Item = Result<f64>>) -> String {
    let values: Vec<String> = values.into_iter().map(json).collect();
    format!("[{}]", values.join(","))
}

fn main() -> Result<()> {
    // The page's sample ratios, rounded to six digits as it does.
    let ratios: Vec<f64> = (0..100)
        .map(|index| 0.01 * 200_f64.powf(f64::from(index) / 99.0))
        .map(|ratio| format!("{ratio:.5e}").parse().expect("it is a number"))
        .collect();
    for state in &STATES {
        let transfer = state.transfer()?;
        let (task, map) = (transfer.task(), transfer.scale_map());
        let solver = Solver::new();
        let samples = Samples::new(state.alpha)?.with_noise_variance(state.noise_variance)?;
        let at = |ratio: f64| Samples::new(ratio)?.with_noise_variance(state.noise_variance);
        let scratch = Law::from_scratch(task, &map.pretraining())?;
        let solution = solver.solve(&transfer, &samples)?;
        let bias = ProtocolBias::of_feature(&transfer.protocol(), &map, Feature::typical_of(task))?;

        let error = |transfer: &Transfer, ratio: f64| {
            Ok(Solver::new().solve(transfer, &at(ratio)?)?.generalization_error())
        };
        let mut lines = vec![list(ratios.iter().map(|ratio| error(&transfer, *ratio)))];
        for regime in Regime::ALL {
            let reference = state.on(task, regime.reference()?, Protocol::REBALANCED)?;
            lines.push(list(ratios.iter().map(|ratio| error(&reference, *ratio))));
        }
        lines.push(list(
            ratios
                .iter()
                .map(|ratio| Ok(solver.solve(&scratch, &at(*ratio)?)?.generalization_error())),
        ));
        let bayes = BayesOptimal::of_transfer(&transfer)?;
        lines.push(list(
            ratios.iter().map(|ratio| {
                Ok(bayes.solve(&at(*ratio)?)?.message_passing().generalization_error())
            }),
        ));
        let lasso = solver.with_estimator(Estimator::Rich);
        lines.push(list(ratios.iter().map(|ratio| {
            Ok(lasso.best_explicit_penalty(&scratch, &at(*ratio)?)?.generalization_error)
        })));

        // The search of the crate itself, for the protocol that it knows.
        let mut optimum = "null".to_string();
        if state.protocol == "rebalanced 1" {
            let mut design = InitializationDesign::new(task, samples, state.c)?
                .with_lambda_gaps(1e-6..=2.0)?
                .with_readout_scales(0.0..=100.0)?;
            if let Some(samples) = transfer.pretraining_samples() {
                design = design.with_pretraining_samples(samples);
            }
            let best = design.optimum()?;
            let best = state.on(task, best.scale_map, Protocol::REBALANCED)?;
            optimum = json(error(&best, state.alpha));
        }
        let classes = FeatureClass::ALL
            .map(|class| Ok(solution.fine_tuning.error_of(class).unwrap_or_default()));
        println!(
            "{{\"link\":\"{}\",\"alpha\":{},\"error\":{},\"scratch\":{},\"classes\":{},\"order\":{},\
             \"dependence\":{},\"optimum\":{optimum},\"lines\":[{}]}}",
            state.link(),
            list(ratios.iter().copied().map(Ok)),
            json(Ok(solution.generalization_error())),
            json(solver.solve(&scratch, &samples).map(|solution| solution.generalization_error())),
            list(classes),
            json(Ok(bias.l_order)),
            json(Ok(bias.pretraining_dependence)),
            lines.join(",")
        );
    }
    Ok(())
}
