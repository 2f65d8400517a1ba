// The lines of the plot of learning curves, and the sample ratios they are computed at.

import { KNOBS } from './state';

export interface Line {
  // Position by which the WebAssembly module knows it.
  position: number;
  key: string;
  name: string;
  help: string;
}

export const LINES: readonly Line[] = [
  { position: 0, key: 'current', name: 'this initialization', help: 'Fine-tuning with all knobs as they are.' },
  { position: 1, key: 'I', name: 'I · rich, independent', help: 'Small first layer: forgets pretraining, learns sparse features.' },
  { position: 2, key: 'II', name: 'II · lazy, reuses', help: 'Equal layers: reuses what pretraining learned.' },
  { position: 3, key: 'III', name: 'III · lazy, independent', help: 'Large readout: neither reuses nor is sparse.' },
  { position: 4, key: 'IV', name: 'IV · rich, reuses', help: 'Small, but not too small, first layer: reuses and is sparse.' },
  { position: 5, key: 'scratch', name: 'from scratch', help: 'The same network without pretraining.' },
  { position: 6, key: 'bayes', name: 'Bayes-optimal', help: 'What message passing reaches that knows the statistics of both tasks.' },
  { position: 7, key: 'lasso', name: 'LASSO, tuned', help: 'The best l1 penalty, without pretraining.' },
];

const COUNT = 100;
const { lowest, highest } = KNOBS.alpha;

export const RATIOS: readonly number[] = Array.from({ length: COUNT }, (_, index) =>
  Number((lowest * Math.pow(highest / lowest, index / (COUNT - 1))).toPrecision(6)),
);
