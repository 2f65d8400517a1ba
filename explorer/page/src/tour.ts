// A story in six steps.

import { START, type State } from './state';

export interface Stop {
  title: string;
  text: string;
  state: State;
}

const stop = (title: string, text: string, changes: Partial<State>): Stop => ({ title, text, state: { ...START, ...changes } });

export const TOUR: readonly Stop[] = [
  stop('Reuse saves samples',
    'Both tasks use the same tenth of the features. Fine-tuning from equal layers reuses them. For the same error, training from scratch needs three times as many samples.',
    { gap: 1, overlap: 1, alpha: 0.1 }),
  stop('Reuse can mislead',
    'Now the tasks share nothing. The same initialization looks for the signal where pretraining found it, and does worse than no pretraining.',
    { gap: 1, overlap: 0, alpha: 0.3 }),
  stop('A small first layer forgets',
    'Pretraining then leaves no trace in the scales of fine-tuning: regime I. Nothing is reused, and the sparse signal is found as from scratch.',
    { gap: 1e-6, gamma: 0, overlap: 0, alpha: 0.3 }),
  stop('Between the two: regime IV',
    'Half of the features are shared. Equal layers reuse too much, and the smallest first layer too little. A small one between them reuses the old features and still finds the new ones.',
    { gap: 0.02, overlap: 0.5, alpha: 0.25 }),
  stop('A large readout makes training lazy',
    'All features then learn alike: regime III, ridge regression. Neither reuse nor sparsity helps, and the error falls only with many samples.',
    { gap: 0.1, gamma: 10, overlap: 0.5, alpha: 0.25 }),
  stop('Few pretraining samples',
    'What pretraining found is now uncertain, and reuse is worth less. Press “Find the best initialization”, then move the overlap and press it again.',
    { gap: 1, overlap: 0.8, alpha: 0.2, alphaPt: 0.3, noisePt: 0.01 }),
];
