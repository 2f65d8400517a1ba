// Computes in the background. A newer job ends the one before it.

import { COLUMNS, ROWS, axes, type Job, type Part, type Report } from './jobs';
import { RATIOS } from './lines';
import { KNOBS, ORDER, atStep, STEPS } from './state';
import { Theory, type Answer } from './theory';

// A report is sent after this many milliseconds of work, and a newer job is looked for.
const PATIENCE = 9;
// Points of a line that are asked for at once where a point takes long.
const CHUNK = 10;

let theory: Promise<Theory>;
let latest: Job | undefined;
let working = false;

const channel = new MessageChannel();
let resume: (() => void) | undefined;
channel.port1.onmessage = () => resume?.();
// Lets messages in.
const pause = () => new Promise<void>((resolve) => { resume = resolve; channel.port2.postMessage(0); });

addEventListener('message', (event: MessageEvent<ArrayBuffer | Job>) => {
  if (event.data instanceof ArrayBuffer) {
    theory = Theory.load(event.data);
    return;
  }
  latest = event.data;
  if (!working) void work();
});

async function work() {
  working = true;
  const loaded = await theory;
  while (latest) {
    const job = latest;
    latest = undefined;
    await run(loaded, job);
  }
  working = false;
}

async function run(loaded: Theory, job: Job) {
  let parts: Part[] = [];
  let began = performance.now();
  let spent = 0;
  const send = (done: boolean) => {
    postMessage({ id: job.id, parts, done, spent } satisfies Report);
    parts = [];
  };
  const look = () => {
    spent += performance.now() - began;
    began = performance.now();
  };
  for (const part of PARTS[job.kind](loaded, job.state)) {
    if (part) parts.push(part);
    if (performance.now() - began > PATIENCE) {
      look();
      if (parts.length > 0) send(false);
      await pause();
      if (latest) return;
      began = performance.now();
    }
  }
  look();
  send(true);
}

type Parts = Generator<Part | undefined>;

const PARTS: Record<Job['kind'], (theory: Theory, state: number[]) => Parts> = { live, reference, map, optimum };

const entries = (answer: Answer) => [...answer.messages];
const number = (state: number[], name: (typeof ORDER)[number]) => state[ORDER.indexOf(name)];

// What is seen at once: the point, the triangle, and the lines that are solved fast.
function* live(theory: Theory, state: number[]): Parts {
  const bias = theory.ask('bias', state);
  yield { kind: 'bias', values: bias.values, messages: entries(bias) };
  const knobs = [KNOBS.c, KNOBS.gap, KNOBS.gamma];
  for (const [knob, { zero, ...range }] of knobs.entries()) {
    const values = Array.from({ length: 81 }, (_, index) => atStep(range, (STEPS * index) / 80));
    yield { kind: 'path', knob, values: theory.ask('path', [...state, knob, ...(zero ? [0] : []), ...values]).values };
  }
  const errors = theory.ask('errors', state);
  yield { kind: 'errors', values: errors.values, messages: entries(errors) };
  yield* line(theory, state, 0);
  yield* line(theory, state, 5);
  for (const regime of [1, 2, 3, 4]) yield* line(theory, state, regime);
}

function* reference(theory: Theory, state: number[]): Parts {
  yield* line(theory, state, 6);
  yield* line(theory, state, 7);
}

// Lines by what they depend on, as long as that is the same.
const known = new Map<string, { values: number[]; messages: [number, string][] }>();

function key(state: number[], line: number): string {
  const names = ORDER.filter((name) => {
    if (name === 'alpha') return false;
    const own = ['c', 'gap', 'gamma', 'protocol', 'first', 'second'].includes(name);
    const stage = name === 'alphaPt' || name === 'noisePt';
    if (line === 0) return true;
    if (line === 5) return name === 'c' || (!own && !stage);
    if (line === 7) return !own && !stage;
    return !own;
  });
  return [line, ...names.map((name) => number(state, name))].join(' ');
}

function* line(theory: Theory, state: number[], line: number): Parts {
  const name = key(state, line);
  let found = known.get(name);
  if (!found) {
    const slow = line === 7 || (line !== 5 && number(state, 'alphaPt') !== Infinity);
    const chunk = slow ? CHUNK : RATIOS.length;
    const values: number[] = new Array(RATIOS.length).fill(NaN);
    const messages: [number, string][] = [];
    for (let start = 0; start < RATIOS.length; start += chunk) {
      const ratios = RATIOS.slice(start, start + chunk);
      const answer = theory.ask('learning_curve', [...state, line, ...ratios]);
      answer.values.forEach((value, index) => { values[start + index] = value; });
      for (const [position, message] of answer.messages) messages.push([start + position, message]);
      if (start + chunk < RATIOS.length) {
        yield { kind: 'line', line, values: values.slice(), messages: messages.slice(), at: NaN, done: false };
      }
      if (answer.values.length === 0) break;
    }
    found = { values, messages };
    if (known.size > 64) known.delete(known.keys().next().value!);
    known.set(name, found);
  }
  const at = theory.ask('learning_curve', [...state, line, number(state, 'alpha')]).values[0] ?? NaN;
  yield { kind: 'line', line, ...found, at, done: true };
}

// Coarse first: every pass halves the distance of the points, and interpolates what lies between.
function* map(theory: Theory, state: number[]): Parts {
  const [gaps, gammas] = axes();
  yield {
    kind: 'regimes',
    values: Float64Array.from(theory.ask('regime_map', [...state, gaps.length, ...gaps, ...gammas]).values),
  };
  const errors = new Float64Array(COLUMNS * ROWS).fill(NaN);
  const solved = new Uint8Array(COLUMNS * ROWS);
  // Each cell costs milliseconds where pretraining has finite data.
  const finest = number(state, 'alphaPt') === Infinity ? 1 : 2;
  for (const stride of [8, 4, 2, 1].filter((stride) => stride >= finest)) {
    const columns = lattice(0, COLUMNS - 1, stride);
    // The row of gamma = 0 is apart from the others.
    const rows = lattice(1, ROWS - 1, stride);
    for (const row of [0, ...rows]) {
      const open = columns.filter((column) => !solved[row * COLUMNS + column]);
      const asked = open.map((column) => gaps[column]);
      const answer = theory.ask('error_map', [...state, asked.length, ...asked, gammas[row]]);
      for (const [index, column] of open.entries()) {
        solved[row * COLUMNS + column] = 1;
        errors[row * COLUMNS + column] = answer.values[index];
      }
      yield undefined;
    }
    interpolate(errors, [0], columns);
    interpolate(errors, rows, columns);
    yield { kind: 'map', errors: errors.slice(), done: stride === finest };
  }
}

// Positions from the first to the last, both included.
function lattice(first: number, last: number, stride: number): number[] {
  const positions: number[] = [];
  for (let position = first; position < last; position += stride) positions.push(position);
  return [...positions, last];
}

// Fills a rectangle from the errors at a lattice of its points, linearly in logarithms.
function interpolate(errors: Float64Array, rows: number[], columns: number[]) {
  const at = (row: number, column: number) => errors[row * COLUMNS + column];
  const mix = (from: number, to: number, part: number) =>
    part === 0 ? from : part === 1 ? to : from > 0 && to > 0 ? from * Math.pow(to / from, part) : from + part * (to - from);
  const fill = (from: number, to: number, of: (position: number) => number, set: (position: number, error: number) => void) => {
    const [start, end] = [of(from), of(to)];
    for (let position = from + 1; position < to; position++) set(position, mix(start, end, (position - from) / (to - from)));
  };
  for (const row of rows) {
    for (let index = 0; index + 1 < columns.length; index++) {
      fill(columns[index], columns[index + 1], (column) => at(row, column), (column, error) => { errors[row * COLUMNS + column] = error; });
    }
  }
  for (let index = 0; index + 1 < rows.length; index++) {
    for (let column = 0; column < COLUMNS; column++) {
      fill(rows[index], rows[index + 1], (row) => at(row, column), (row, error) => { errors[row * COLUMNS + column] = error; });
    }
  }
}

// Optima by what they depend on.
const optima = new Map<string, Answer>();

function* optimum(theory: Theory, state: number[]): Parts {
  const range = [KNOBS.gap.lowest, KNOBS.gap.highest, 0, KNOBS.gamma.highest];
  const name = ORDER.filter((name) => name !== 'gap' && name !== 'gamma').map((name) => number(state, name)).join(' ');
  let answer = optima.get(name);
  if (!answer) {
    answer = theory.ask('optimum', [...state, ...range]);
    if (optima.size > 64) optima.delete(optima.keys().next().value!);
    optima.set(name, answer);
  }
  const { values } = answer;
  const moved = values.length > 0 ? theory.ask('moved', [...state, values[0], values[1]]).values : [];
  yield { kind: 'optimum', values, moved, messages: entries(answer) };
}
