// What the pictures show, in words.

import { format } from './format';
import { PROTOCOLS, type State } from './state';

export interface Facts {
  state: State;
  error: number;
  scratch: number;
  // l, PD, barycentric coordinates, price, regime.
  bias: number[] | undefined;
  // As the questions `optimum` and `moved` answer; undefined while it is searched.
  optimum: number[] | undefined;
  moved: number[];
  // Why there is no error.
  message: string | undefined;
}

// Errors that are equal to a reader.
const EQUAL = 0.02;
// Errors that are zero to floats.
const ZERO = 1e-12;

const times = (factor: number) => format(factor, factor < 10 ? 2 : 3);

function cut(part: number): string {
  if (part < 0.02) return 'would remove nearly all of the error';
  for (const [fraction, words] of [[0.1, 'to a tenth'], [0.2, 'to a fifth'], [0.25, 'to a quarter'], [1 / 3, 'to a third']] as const) {
    if (Math.abs(part / fraction - 1) < 0.08) return `would cut the error ${words}`;
  }
  if (Math.abs(part - 0.5) < 0.04) return 'would halve the error';
  return `would cut the error by ${Math.round(100 * (1 - part))} %`;
}

// The first sentence: what to change, by how much it helps, and why.
export function advice({ state, error, bias, optimum, moved, message }: Facts): string {
  if (message) return 'The theory has no answer here.';
  if (error < ZERO) return 'Every coefficient is recovered exactly.';
  const protocol = PROTOCOLS[state.protocol];
  if (!protocol.readsGap && !protocol.readsGamma) {
    return 'With this protocol the error depends on neither the first layer nor the new readout.';
  }
  if (!optimum) return 'Searching for the best initialization …';
  const [gap, gamma, best, order, price] = optimum;
  const [byGap, byGamma] = moved;
  if (!(best < (1 - EQUAL) * error)) {
    return 'No other first layer or readout would do much better.';
  }
  const layer = `${gap < state.gap ? 'smaller' : 'larger'} first layer`;
  const readout = `${gamma < state.gamma ? 'smaller' : 'larger'} readout`;
  // Prices of features that start away from zero do not measure reuse alone.
  const reason = bias && state.protocol === 0 ? why(bias[0], order, bias[5], price) : '';
  const alone = byGap <= byGamma || Number.isNaN(byGamma) ? byGap : byGamma;
  const enough = error - alone > 0.8 * (error - best);
  if (!enough) return `A ${layer} and a ${readout} together ${cut(best / error)}${reason}.`;
  return `A ${alone === byGap ? layer : readout} ${cut(alone / error)}${reason}.`;
}

function why(order: number, bestOrder: number, price: number, bestPrice: number): string {
  if (price > 1.15 * bestPrice) return ': reuse is too strong for this overlap';
  if (bestPrice > 1.15 * price) return ': reuse is too weak for this overlap';
  if (bestOrder < order - 0.03) return ': training is too lazy to find sparse features';
  if (bestOrder > order + 0.03) return ': training is too rich for these samples';
  return '';
}

const REGIMES = ['', 'I, rich and independent of pretraining', 'II, lazy and reusing pretraining', 'III, lazy and independent of pretraining', 'IV, between rich and lazy, reusing pretraining'];

// The second sentence: pretraining against none, and the regime.
export function context({ error, scratch, bias, message }: Facts): string {
  if (message) return `Why: ${message}.`;
  const parts: string[] = [];
  if (error < ZERO && scratch < ZERO) parts.push('So is it without pretraining.');
  else if (error < ZERO) parts.push('Training from scratch does not reach this.');
  else if (scratch > (1 + EQUAL) * error) parts.push(`Pretraining helps: training from scratch has ${times(scratch / error)} times the error.`);
  else if (scratch < (1 - EQUAL) * error) parts.push(`Pretraining hurts: it has ${times(error / scratch)} times the error of training from scratch.`);
  else parts.push('Training from scratch has about the same error.');
  if (bias && bias.every((value, index) => index === 5 || !Number.isNaN(value))) {
    const inside = bias.slice(2, 5).every((share) => share >= -1e-9);
    let regime = inside ? `Shared features are in regime ${REGIMES[bias[6]]}` : 'Shared features are outside of the triangle of regimes, since they start away from zero';
    const price = bias[5];
    if (price === Infinity) regime += '; new ones cannot be learned';
    else if (price > 1.05) regime += `; a new feature costs ${times(price)} times as much as a shared one`;
    parts.push(`${regime}.`);
  }
  return parts.join(' ');
}
