// What the page and its workers tell each other.

import { KNOBS } from './state';

// Parts of an answer, which arrive as they are computed.
export type Part =
  | { kind: 'errors'; values: number[]; messages: [number, string][] }
  | { kind: 'bias'; values: number[]; messages: [number, string][] }
  | { kind: 'path'; knob: number; values: number[] }
  // A line of the plot so far: NaN where it is not computed yet or has no value. The error at the state's own
  // sample ratio comes with the last part.
  | { kind: 'line'; line: number; values: number[]; messages: [number, string][]; at: number; done: boolean }
  | { kind: 'map'; errors: Float64Array; done: boolean }
  | { kind: 'regimes'; values: Float64Array }
  // The best point, and the errors with each of the two knobs moved there alone.
  | { kind: 'optimum'; values: number[]; moved: number[]; messages: [number, string][] };

export type JobKind = 'live' | 'reference' | 'map' | 'optimum';

export interface Job {
  id: number;
  kind: JobKind;
  state: number[];
}

export interface Report {
  id: number;
  parts: Part[];
  done: boolean;
  // Milliseconds of computation so far.
  spent: number;
}

// Size of the map; the first row is gamma = 0.
export const COLUMNS = 64;
export const ROWS = 49;

// Values at the centres of the cells of the map; the first row is gamma = 0.
export function axes(): [number[], number[]] {
  const centre = (lowest: number, highest: number, index: number, count: number) =>
    lowest * Math.pow(highest / lowest, (index + 0.5) / count);
  const gaps = Array.from({ length: COLUMNS }, (_, index) => centre(KNOBS.gap.lowest, KNOBS.gap.highest, index, COLUMNS));
  const gammas = Array.from({ length: ROWS - 1 }, (_, index) => centre(KNOBS.gamma.lowest, KNOBS.gamma.highest, index, ROWS - 1));
  return [gaps, [0, ...gammas]];
}
