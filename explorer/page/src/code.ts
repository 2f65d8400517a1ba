// The computation of the page as programs to paste.

import { KNOBS, PROTOCOLS, type State } from './state';

// A literal of a 64-bit float, with all its digits.
function literal(value: number): string {
  const text = String(value).replace('e+', 'e');
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function parameters(state: State): number[] {
  return [state.first, state.second].slice(0, PROTOCOLS[state.protocol].parameters.length);
}

export function protocolText(state: State): string {
  return [PROTOCOLS[state.protocol].name, ...parameters(state)].join(' ');
}

const isRebalanced = (state: State) => state.protocol === 0 && state.first === 1;

export function rust(state: State): string {
  const samples = (ratio: number, noise: number) =>
    `Samples::new(${literal(ratio)})?` + (noise > 0 ? `.with_noise_variance(${literal(noise)})?` : '');
  const steps = [
    isRebalanced(state) ? '' : `\n        .with_protocol("${protocolText(state)}".parse()?)`,
    state.alphaPt === Infinity ? '' : `\n        .with_pretraining_samples(${samples(state.alphaPt, state.noisePt)})`,
  ].join('');
  return `use diagonet::{
    Densities, GapScales, Initialization, Samples, ScaleMap, Solver, Supports, Task, Transfer,
};

fn main() -> Result<(), diagonet::Error> {
    let supports = Supports::new(Densities {
        pretraining: ${literal(state.rhoPt)},
        fine_tuning: ${literal(state.rhoFt)},
        overlap: ${literal(state.overlap)},
    })?;
    let task = Task::new(supports)?;
    let scales = GapScales { absolute: ${literal(state.c)}, lambda_gap: ${literal(state.gap)} };
    let map = ScaleMap::new(Initialization::from_lambda_gap(scales)?, ${literal(state.gamma)})?;
    let transfer = Transfer::new(&task, map)${steps};

    let solution = Solver::new().solve(&transfer, &${samples(state.alpha, state.noise)})?;
    println!("{:e}", solution.generalization_error());

    // The learning curve.
    let ratios: Vec<f64> = (0..100).map(|i| 0.01 * 200_f64.powf(f64::from(i) / 99.0)).collect();
    let curve = Solver::new().learning_curve(&transfer, ${literal(state.noise)}, &ratios);
    for (ratio, point) in ratios.iter().zip(curve) {
        match point {
            Ok(solution) => println!("{ratio:.4} {:e}", solution.generalization_error()),
            Err(error) => println!("{ratio:.4} {error}"),
        }
    }
    Ok(())
}
`;
}

export function python(state: State): string {
  const settings = [
    `noise_variance=${literal(state.noise)}`,
    ...(state.alphaPt === Infinity ? [] : [
      `pretraining_sample_ratio=${literal(state.alphaPt)}`, `pretraining_noise_variance=${literal(state.noisePt)}`,
    ]),
    ...(isRebalanced(state) ? [] : [`protocol="${protocolText(state)}"`]),
  ];
  return `import numpy as np
import diagonet as dn

task = dn.Task(
    pretraining_density=${literal(state.rhoPt)},
    fine_tuning_density=${literal(state.rhoFt)},
    overlap=${literal(state.overlap)},
)
initialization = dn.Initialization(
    ${literal(state.c)}, lambda_gap=${literal(state.gap)}, readout_scale=${literal(state.gamma)}
)
data = dict(
    ${settings.join(',\n    ')},
)
print(dn.error(task, initialization, ${literal(state.alpha)}, **data))

# The learning curve, with NaN where there is no answer, and the reasons.
ratios = np.geomspace(${literal(KNOBS.alpha.lowest)}, ${literal(KNOBS.alpha.highest)}, 100)
errors, reasons = dn.learning_curve(task, initialization, ratios, on_error="nan", **data)
print(np.column_stack([ratios, errors]))
`;
}
