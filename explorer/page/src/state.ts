// What the knobs set, the range of each, and how a state is written as a link.

export type Name =
  | 'c' | 'gap' | 'gamma' | 'rhoPt' | 'rhoFt' | 'overlap' | 'alpha' | 'noise' | 'alphaPt' | 'noisePt'
  | 'protocol' | 'first' | 'second';

export type State = Record<Name, number>;

// The order in which the WebAssembly module reads a state.
export const ORDER: readonly Name[] = [
  'c', 'gap', 'gamma', 'rhoPt', 'rhoFt', 'overlap', 'alpha', 'noise', 'alphaPt', 'noisePt',
  'protocol', 'first', 'second',
];

export interface Knob {
  name: Name;
  // Symbol as HTML, and as plain text for labels that are read aloud.
  symbol: string;
  spoken: string;
  words: string;
  help: string;
  // Range of the logarithm, and the limits beside it that a logarithm does not reach.
  lowest: number;
  highest: number;
  zero?: boolean;
  unlimited?: boolean;
}

const i = (letter: string) => `<i>${letter}</i>`;
const sub = (letter: string, below: string) => `<i>${letter}</i><sub>${below}</sub>`;

export const KNOBS: Record<Exclude<Name, 'protocol' | 'overlap'>, Knob> = {
  c: {
    name: 'c', symbol: i('c'), spoken: 'c', words: 'size of the weights', lowest: 1e-6, highest: 100,
    help: 'Sum of the squares of both layers at the start of pretraining.',
  },
  gap: {
    name: 'gap', symbol: `1 + ${i('λ')}`, spoken: 'one plus lambda', words: 'first layer', lowest: 1e-6, highest: 2,
    help: 'Share of the first layer in c, times two: 1 for equal layers, towards 0 for a small first layer.',
  },
  gamma: {
    name: 'gamma', symbol: i('γ'), spoken: 'gamma', words: 'new readout', lowest: 1e-4, highest: 100, zero: true,
    help: 'Size of the readout that fine-tuning starts from.',
  },
  rhoPt: {
    name: 'rhoPt', symbol: sub('ρ', 'PT'), spoken: 'rho PT', words: 'pretraining uses', lowest: 0.001, highest: 1,
    help: 'Fraction of features that the pretraining task uses.',
  },
  rhoFt: {
    name: 'rhoFt', symbol: sub('ρ', 'FT'), spoken: 'rho FT', words: 'fine-tuning uses', lowest: 0.001, highest: 1,
    help: 'Fraction of features that the fine-tuning task uses.',
  },
  alpha: {
    name: 'alpha', symbol: i('α'), spoken: 'alpha', words: 'samples', lowest: 0.01, highest: 2,
    help: 'Samples of fine-tuning per feature.',
  },
  noise: {
    name: 'noise', symbol: `${i('σ')}<sup>2</sup>`, spoken: 'sigma squared', words: 'noise', lowest: 1e-6, highest: 10, zero: true,
    help: 'Variance of the noise on the labels of fine-tuning.',
  },
  alphaPt: {
    name: 'alphaPt', symbol: sub('α', 'PT'), spoken: 'alpha PT', words: 'samples', lowest: 0.05, highest: 10, unlimited: true,
    help: 'Samples of pretraining per feature; the right end is unlimited data.',
  },
  noisePt: {
    name: 'noisePt', symbol: `${i('σ')}<sup>2</sup><sub>PT</sub>`, spoken: 'sigma squared PT', words: 'noise', lowest: 1e-6, highest: 10, zero: true,
    help: 'Variance of the noise on the labels of pretraining.',
  },
  first: {
    name: 'first', symbol: '', spoken: '', words: '', lowest: 0.001, highest: 1000,
    help: 'A number that the protocol depends on.',
  },
  second: {
    name: 'second', symbol: '', spoken: '', words: '', lowest: 0.001, highest: 1000,
    help: 'A number that the protocol depends on.',
  },
};

export interface Protocol {
  // As the crate names it.
  name: string;
  words: string;
  help: string;
  parameters: { symbol: string; spoken: string; words: string }[];
  // Whether fine-tuning depends on 1 + lambda and on gamma.
  readsGap: boolean;
  readsGamma: boolean;
}

// In the order in which the WebAssembly module counts them.
export const PROTOCOLS: readonly Protocol[] = [
  {
    name: 'rebalanced', words: 'rebalanced, new readout', readsGap: true, readsGamma: true,
    parameters: [{ symbol: i('g'), spoken: 'g', words: 'input gain' }],
    help: 'Both paths start from the same features, with a new readout: the protocol of the source paper.',
  },
  {
    name: 'continued', words: 'training goes on', readsGap: false, readsGamma: false, parameters: [],
    help: 'Nothing is changed between the two tasks.',
  },
  {
    name: 'rescaled', words: 'layers rescaled', readsGap: true, readsGamma: false,
    parameters: [
      { symbol: i('a'), spoken: 'a', words: 'factor, first layer' },
      { symbol: i('b'), spoken: 'b', words: 'factor, readout' },
    ],
    help: 'The weights of each layer are multiplied by a factor.',
  },
  {
    name: 'learning_rates', words: 'learning rates by layer', readsGap: true, readsGamma: false,
    parameters: [{ symbol: i('r'), spoken: 'r', words: 'readout / first layer' }],
    help: 'The two layers learn at different rates.',
  },
  {
    name: 'readout_reset', words: 'paths kept, new readout', readsGap: true, readsGamma: true, parameters: [],
    help: 'Fine-tuning with a new head.',
  },
  {
    name: 'probe_kept', words: 'linear probe, readout kept', readsGap: true, readsGamma: false, parameters: [],
    help: 'The first layer is frozen, and the readout trains on.',
  },
  {
    name: 'probe_reset', words: 'linear probe, new readout', readsGap: true, readsGamma: true, parameters: [],
    help: 'A new head on frozen features.',
  },
  {
    name: 'probe_rebalanced', words: 'linear probe, rebalanced', readsGap: false, readsGamma: false, parameters: [],
    help: 'A readout from zero on the frozen features of rebalanced paths.',
  },
  {
    name: 'frozen_readout', words: 'frozen readout', readsGap: true, readsGamma: false, parameters: [],
    help: 'The first layer adapts to the readout that pretraining left.',
  },
  {
    name: 'adapter', words: 'adapter', readsGap: false, readsGamma: false,
    parameters: [{ symbol: `${i('a')}<sub>0</sub>`, spoken: 'a zero', words: 'first layer of the branch' }],
    help: 'The network is frozen, and a new branch learns the difference of the tasks.',
  },
];

export const START: State = {
  c: 1e-3, gap: 1, gamma: 0, rhoPt: 0.1, rhoFt: 0.1, overlap: 1, alpha: 0.1, noise: 0.01,
  alphaPt: Infinity, noisePt: 0, protocol: 0, first: 1, second: 1,
};

// Steps of a slider, which make a knob finer than a hand.
export const STEPS = 1000;

export function round(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(3)) : value;
}

// Share of the axis below a value: 0 at the lowest value of the logarithm, 1 at the highest.
export function share(knob: Knob, value: number): number {
  return Math.log(value / knob.lowest) / Math.log(knob.highest / knob.lowest);
}

export function atShare(knob: Knob, part: number): number {
  const value = round(knob.lowest * Math.pow(knob.highest / knob.lowest, Math.min(1, Math.max(0, part))));
  return Math.min(knob.highest, Math.max(knob.lowest, value));
}

// Step of the slider for a value, and the value of a step.
export function step(knob: Knob, value: number): number {
  const first = knob.zero ? 1 : 0;
  const last = knob.unlimited ? STEPS - 1 : STEPS;
  if (knob.zero && value < knob.lowest) return 0;
  if (knob.unlimited && value > knob.highest) return STEPS;
  return Math.round(first + share(knob, value) * (last - first));
}

export function atStep(knob: Knob, position: number): number {
  const first = knob.zero ? 1 : 0;
  const last = knob.unlimited ? STEPS - 1 : STEPS;
  if (position < first) return 0;
  if (position > last) return Infinity;
  return atShare(knob, (position - first) / (last - first));
}

// The value of a knob nearest to a number that somebody typed or a link has.
export function legal(knob: Knob, value: number): number {
  if (Number.isNaN(value)) return START[knob.name];
  if (knob.zero && value < knob.lowest) return value < knob.lowest / 2 ? 0 : knob.lowest;
  if (knob.unlimited && value > knob.highest) return Infinity;
  return Math.min(knob.highest, Math.max(knob.lowest, value));
}

export type Range = readonly [number, number];

export function clamp(value: number, [lowest, highest]: Range): number {
  return Math.min(highest, Math.max(lowest, value));
}

export function toNumbers(state: State): number[] {
  return ORDER.map((name) => state[name]);
}

// Links have the names of the crate's parameters.
const KEYS: Record<Name, string> = {
  c: 'c', gap: 'lambda_gap', gamma: 'gamma', rhoPt: 'rho_pt', rhoFt: 'rho_ft', overlap: 'overlap', alpha: 'alpha',
  noise: 'noise_var', alphaPt: 'alpha_pt', noisePt: 'noise_var_pt', protocol: 'protocol', first: 'first', second: 'second',
};

export function toLink(state: State): string {
  const parts: string[] = [];
  for (const name of ORDER) {
    const value = state[name];
    const count = PROTOCOLS[state.protocol].parameters.length;
    if ((name === 'first' && count < 1) || (name === 'second' && count < 2)) continue;
    if (name === 'noisePt' && state.alphaPt === Infinity) continue;
    const text = name === 'protocol' ? PROTOCOLS[value].name : value === Infinity ? 'unlimited' : String(value);
    parts.push(`${KEYS[name]}=${text}`);
  }
  return '#' + parts.join('&');
}

// The state of a link: what it leaves out is as at the start, what is out of range is at its end.
export function fromLink(link: string, overlaps: (rhoPt: number, rhoFt: number) => Range): State {
  const given = new URLSearchParams(link.replace(/^#/, ''));
  const state = { ...START };
  for (const name of ORDER) {
    const text = given.get(KEYS[name]);
    if (text === null) continue;
    if (name === 'protocol') {
      const position = PROTOCOLS.findIndex((protocol) => protocol.name === text);
      if (position >= 0) state.protocol = position;
    } else if (name === 'overlap') {
      const value = Number(text);
      if (text.trim() !== '' && !Number.isNaN(value)) state.overlap = value;
    } else {
      state[name] = legal(KNOBS[name], text === 'unlimited' ? Infinity : text.trim() === '' ? NaN : Number(text));
    }
  }
  state.overlap = clamp(state.overlap, overlaps(state.rhoPt, state.rhoFt));
  return state;
}
