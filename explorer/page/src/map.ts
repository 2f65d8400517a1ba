// The error over 1 + lambda and gamma: heat, contours of the regimes, the point and the optimum.

import { power } from './format';
import { COLUMNS, ROWS } from './jobs';
import { KNOBS, share } from './state';
import { heat, type Theme } from './theme';

// The field of logarithms, and the strip of gamma = 0 below it.
const FIELD = { left: 52, top: 12, width: 376, height: 256 };
const STRIP = { top: 273, height: 12 };
const NAMED = 0.8;

export interface MapData {
  errors: Float64Array | undefined;
  // Barycentric coordinates of every cell on I, II and III.
  regimes: Float64Array | undefined;
  point: { gap: number; gamma: number };
  optimum: { gap: number; gamma: number } | undefined;
}

export const toX = (gap: number) => FIELD.left + FIELD.width * share(KNOBS.gap, gap);
export const toY = (gamma: number) =>
  gamma < KNOBS.gamma.lowest ? STRIP.top + STRIP.height / 2 : FIELD.top + FIELD.height * (1 - share(KNOBS.gamma, gamma));

// Shares of both axes at a place of the picture; undefined for gamma = 0.
export function at(x: number, y: number): { gap: number; gamma: number | undefined } {
  const gap = (x - FIELD.left) / FIELD.width;
  return { gap, gamma: y >= STRIP.top - 2 ? undefined : 1 - (y - FIELD.top) / FIELD.height };
}

// The logarithms of the errors at both ends of the colours. Errors above 2, where nothing learned is 1, are
// alike, and so are those below a millionth of the highest.
export function range(errors: Float64Array): [number, number] | undefined {
  let [lowest, highest] = [Infinity, -Infinity];
  for (const error of errors) {
    if (error > 0) {
      lowest = Math.min(lowest, error);
      highest = Math.max(highest, error);
    }
  }
  highest = Math.min(highest, Math.max(2, 4 * lowest));
  return lowest <= highest ? [Math.log(Math.max(lowest, highest * 1e-6)), Math.log(highest)] : undefined;
}

// Pictures of arrays that do not change, as long as they are shown.
function remembered<T extends object>(make: (of: T) => string): (of: T) => string {
  const known = new WeakMap<T, string>();
  return (of) => {
    let made = known.get(of);
    if (made === undefined) known.set(of, (made = make(of)));
    return made;
  };
}

// One image for the field and one for the strip, both with the first row at the bottom.
function image(errors: Float64Array, rows: [number, number], limits: [number, number]): string {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [COLUMNS, rows[1] - rows[0]];
  const context = canvas.getContext('2d')!;
  const pixels = context.createImageData(canvas.width, canvas.height);
  for (let row = rows[0]; row < rows[1]; row++) {
    for (let column = 0; column < COLUMNS; column++) {
      const error = errors[row * COLUMNS + column];
      if (Number.isNaN(error)) continue;
      const part = limits[1] > limits[0] ? (Math.log(error) - limits[0]) / (limits[1] - limits[0]) : 0.5;
      pixels.data.set([...heat(part), 255], 4 * ((rows[1] - 1 - row) * COLUMNS + column));
    }
  }
  context.putImageData(pixels, 0, 0);
  return canvas.toDataURL();
}

// Pieces of the line where a field has a value, interpolated within cells.
function contour(field: (row: number, column: number) => number, level: number): string {
  const pieces: string[] = [];
  const x = (column: number) => FIELD.left + (FIELD.width * (column + 0.5)) / COLUMNS;
  const y = (row: number) => FIELD.top + FIELD.height * (1 - (row - 1 + 0.5) / (ROWS - 1));
  for (let row = 1; row + 1 < ROWS; row++) {
    for (let column = 0; column + 1 < COLUMNS; column++) {
      const corners = [[row, column], [row, column + 1], [row + 1, column + 1], [row + 1, column]] as const;
      const values = corners.map(([r, c]) => field(r, c) - level);
      const crossings: string[] = [];
      for (let side = 0; side < 4; side++) {
        const [a, b] = [values[side], values[(side + 1) % 4]];
        if (a < 0 === b < 0 || Number.isNaN(a + b)) continue;
        const part = a / (a - b);
        const [from, to] = [corners[side], corners[(side + 1) % 4]];
        crossings.push(`${x(from[1] + part * (to[1] - from[1])).toFixed(1)} ${y(from[0] + part * (to[0] - from[0])).toFixed(1)}`);
      }
      for (let pair = 0; pair + 1 < crossings.length; pair += 2) pieces.push(`M${crossings[pair]}L${crossings[pair + 1]}`);
    }
  }
  return pieces.join('');
}

const regions = remembered((regimes: Float64Array): string => {
  const value = (corner: number) => (row: number, column: number) => regimes[3 * (row * COLUMNS + column) + corner];
  const path = [0, 1, 2].map((corner) => contour(value(corner), NAMED)).join('');
  const names = ['I', 'II', 'III', 'IV'].map((name, index) => {
    let [count, sumRow, sumColumn] = [0, 0, 0];
    const inside = (row: number, column: number) => {
      const named = [0, 1, 2].findIndex((corner) => value(corner)(row, column) >= NAMED);
      return named === index || (named < 0 && index === 3 && !Number.isNaN(value(0)(row, column)));
    };
    for (let row = 1; row < ROWS; row++) {
      for (let column = 0; column < COLUMNS; column++) {
        if (inside(row, column)) { count++; sumRow += row; sumColumn += column; }
      }
    }
    if (count < 40) return '';
    const [meanRow, meanColumn] = [sumRow / count, sumColumn / count];
    // The centre of a curved region may be outside: the cell of the region that is nearest to it.
    let [best, bestRow, bestColumn] = [Infinity, 0, 0];
    for (let row = 3; row < ROWS - 2; row++) {
      for (let column = 3; column < COLUMNS - 3; column++) {
        if (![[0, 0], [0, 3], [0, -3], [2, 0], [-2, 0]].every(([r, c]) => inside(row + r, column + c))) continue;
        const distance = (row - meanRow) ** 2 + (column - meanColumn) ** 2;
        if (distance < best) [best, bestRow, bestColumn] = [distance, row, column];
      }
    }
    if (best === Infinity) return '';
    const x = FIELD.left + (FIELD.width * (bestColumn + 0.5)) / COLUMNS;
    const y = FIELD.top + FIELD.height * (1 - (bestRow - 0.5) / (ROWS - 1));
    return `<text x="${x.toFixed(1)}" y="${(y + 5).toFixed(1)}" text-anchor="middle" font-size="15" font-weight="600" fill="#ffffff" stroke="#10161c" stroke-width="3" stroke-opacity="0.75" paint-order="stroke">${name}</text>`;
  });
  return `<path d="${path}" fill="none" stroke="#10161c" stroke-opacity="0.5" stroke-width="3"/>`
    + `<path d="${path}" fill="none" stroke="#ffffff" stroke-width="1.4"/>` + names.join('');
});

const picture = remembered((errors: Float64Array): string => {
  const limits = range(errors);
  if (!limits) return '';
  return `<image href="${image(errors, [1, ROWS], limits)}" x="${FIELD.left}" y="${FIELD.top}" width="${FIELD.width}" height="${FIELD.height}" preserveAspectRatio="none"/>`
    + `<image href="${image(errors, [0, 1], limits)}" x="${FIELD.left}" y="${STRIP.top}" width="${FIELD.width}" height="${STRIP.height}" preserveAspectRatio="none"/>`;
});

// What changes with the knobs of the map, and what does not.
export function map({ errors, regimes, point, optimum }: MapData, theme: Theme): { field: string; marks: string } {
  const tick = (x: number, y: number, text: string, anchor: string) =>
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-size="12" fill="${theme.quiet}">${text}</text>`;
  const ticks = [
    ...[-6, -4, -2, 0].map((exponent) => tick(toX(10 ** exponent), 301, power(exponent), exponent === -6 ? 'start' : 'middle')),
    ...[-4, -2, 0, 2].map((exponent) => tick(FIELD.left - 8, toY(10 ** exponent) + (exponent === 2 ? 9 : exponent === -4 ? -1 : 4), power(exponent), 'end')),
    tick(FIELD.left - 8, STRIP.top + 11, '0', 'end'),
    `<text x="${FIELD.left + FIELD.width / 2}" y="322" text-anchor="middle" font-size="14" class="symbol" fill="${theme.ink}">1 + <tspan font-style="italic">λ</tspan></text>`,
    `<text x="14" y="${FIELD.top + FIELD.height / 2}" font-size="14" font-style="italic" class="symbol" fill="${theme.ink}">γ</text>`,
  ];
  const frame = `<rect x="${FIELD.left}" y="${FIELD.top}" width="${FIELD.width}" height="${FIELD.height}" fill="${theme.rule}" fill-opacity="0.4"/>`
    + `<rect x="${FIELD.left}" y="${STRIP.top}" width="${FIELD.width}" height="${STRIP.height}" fill="${theme.rule}" fill-opacity="0.4"/>`;
  const star = optimum
    ? (([x, y]) => {
      const corners = Array.from({ length: 10 }, (_, index) => {
        const [radius, angle] = [index % 2 ? 4.2 : 10, (Math.PI * index) / 5];
        return `${(x + radius * Math.sin(angle)).toFixed(1)},${(y - radius * Math.cos(angle)).toFixed(1)}`;
      });
      return `<polygon points="${corners.join(' ')}" fill="#ffffff" stroke="#10161c" stroke-width="1.5" stroke-linejoin="round"/>`;
    })([toX(optimum.gap), toY(optimum.gamma)])
    : '';
  const dot = `<circle cx="${toX(point.gap).toFixed(1)}" cy="${toY(point.gamma).toFixed(1)}" r="7" fill="#0063a6" stroke="#ffffff" stroke-width="2.5"/>`;
  return { field: frame + (errors ? picture(errors) : '') + (regimes ? regions(regimes) : '') + ticks.join(''), marks: star + dot };
}
