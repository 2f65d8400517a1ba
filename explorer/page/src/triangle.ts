// The triangle of regimes: where a typical shared feature lies, and where each knob would take it.

import type { Theme } from './theme';

const CORNERS = { I: [44, 250], II: [316, 250], III: [180, 34] } as const;
// Barycentric coordinate from which a point has the name of a corner.
const NAMED = 0.8;

export interface TriangleData {
  // l and PD of the point, and of the paths of c, 1 + lambda and gamma.
  point: [number, number] | undefined;
  paths: number[][];
}

// Where l and PD lie: barycentric coordinates 2 - l on I, -PD on II, l + PD - 1 on III.
function place(order: number, dependence: number): [number, number] {
  const weights = [2 - order, -dependence, order + dependence - 1];
  const corners = [CORNERS.I, CORNERS.II, CORNERS.III];
  return [0, 1].map((axis) => corners.reduce((sum, corner, index) => sum + weights[index] * corner[axis], 0)) as [number, number];
}

const list = (points: (readonly [number, number])[]) => points.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join(' ');

export function triangle({ point, paths }: TriangleData, theme: Theme): string {
  const corners = [CORNERS.I, CORNERS.II, CORNERS.III];
  const regions = corners.map((corner, index) => {
    const others = corners.filter((_, other) => other !== index).map(
      (other) => [0, 1].map((axis) => NAMED * corner[axis] + (1 - NAMED) * other[axis]) as [number, number],
    );
    return `<polygon points="${list([corner, ...others])}" fill="${theme.lines[index + 1].colour}" fill-opacity="0.16"/>`;
  });
  const symbols = ['c', '1 + λ', 'γ'];
  // Labels of knobs stand at different shares of the paths, so that they do not cover each other.
  const shares = [0.3, 0.25, 0.7];
  // The side on which they stand: left, above, right.
  const sides = [[-1, 0], [0, -1], [1, 0]];
  const curves = paths.map((numbers, knob) => {
    const points: [number, number][] = [];
    for (let at = 0; at + 1 < numbers.length; at += 2) {
      if (!Number.isNaN(numbers[at])) points.push(place(numbers[at], numbers[at + 1]));
    }
    const lengths = points.map((end, index) => index === 0 ? 0 : Math.hypot(end[0] - points[index - 1][0], end[1] - points[index - 1][1]));
    const total = lengths.reduce((sum, length) => sum + length, 0);
    if (total < 12) return '';
    let walked = 0;
    const at = lengths.findIndex((length) => (walked += length) >= shares[knob] * total);
    const [end, start] = [points[Math.max(1, at)], points[Math.max(1, at) - 1]];
    // Across the path, towards the side.
    const [across, along] = [start[1] - end[1], end[0] - start[0]];
    const sign = Math.sign(across * sides[knob][0] + along * sides[knob][1]) || 1;
    const reach = (14 * sign) / Math.max(1e-9, Math.hypot(across, along));
    const [x, y] = [end[0] + across * reach, end[1] + along * reach];
    const colour = theme.knobs[knob];
    return `<polyline points="${list(points)}" fill="none" stroke="${colour}" stroke-width="2" stroke-linejoin="round" stroke-linecap="round"/>`
      + `<text x="${x.toFixed(1)}" y="${(y + 5).toFixed(1)}" fill="${colour}" font-size="15" font-style="italic" class="symbol" text-anchor="middle" stroke="${theme.paper}" stroke-width="4" paint-order="stroke">${symbols[knob]}</text>`;
  });
  const dot = point && !point.some(Number.isNaN)
    ? (([x, y]) => `<circle cx="${x.toFixed(2)}" cy="${y.toFixed(2)}" r="7" fill="${theme.lines[0].colour}" stroke="${theme.paper}" stroke-width="2.5"/>`)(place(...point))
    : '';
  const label = (x: number, y: number, name: string, words: string[], anchor: string, colour: string) =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}" font-size="15" font-weight="600" fill="${colour}">${name}</text>`
    + words.map((line, index) => `<text x="${x}" y="${y + 15 * (index + 1)}" text-anchor="${anchor}" font-size="12" fill="${theme.quiet}">${line}</text>`).join('');
  return `<polygon points="${list(corners)}" fill="none" stroke="${theme.rule}" stroke-width="1.5" stroke-linejoin="round"/>`
    + regions.join('')
    + label(26, 270, 'I', ['rich, independent'], 'start', theme.lines[1].colour)
    + label(334, 270, 'II', ['lazy, reuses'], 'end', theme.lines[2].colour)
    + `<text x="180" y="20" text-anchor="middle" font-size="12" fill="${theme.quiet}"><tspan font-size="15" font-weight="600" fill="${theme.lines[3].colour}">III</tspan>  lazy, independent</text>`
    + `<text x="180" y="270" text-anchor="middle" font-size="12" fill="${theme.quiet}"><tspan font-size="15" font-weight="600" fill="${theme.lines[4].colour}">IV</tspan>  rich, reuses</text>`
    + curves.join('') + dot;
}
