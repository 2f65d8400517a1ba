// Data and figure as files.

import { bars, type BarsData } from './bars';
import { escape, format, power } from './format';
import { LINES, RATIOS } from './lines';
import { map, type MapData } from './map';
import { KNOBS, PROTOCOLS, share, toLink, type State } from './state';
import { LIGHT } from './theme';
import { triangle, type TriangleData } from './triangle';

const cell = (value: number) => (Number.isNaN(value) ? '' : String(value));

// All lines at all sample ratios, with all digits; the first line is the state as a link.
export function csv(state: State, lines: number[][]): string {
  const head = ['alpha', ...LINES.map((line) => line.key)].join(',');
  const rows = RATIOS.map((ratio, index) => [ratio, ...lines.map((line) => cell(line[index]))].join(','));
  return [`# ${toLink(state)}`, head, ...rows].join('\n') + '\n';
}

export interface FigureData {
  state: State;
  lines: number[][];
  visible: boolean[];
  point: [number, number];
  triangle: TriangleData;
  map: MapData;
  bars: BarsData;
}

// The four pictures on one sheet, for print: light, whatever the page is.
export function figure(data: FigureData): string {
  const panel = (x: number, y: number, title: string, body: string) =>
    `<g transform="translate(${x} ${y})"><text x="0" y="0" font-size="15" font-weight="600" fill="${LIGHT.ink}">${title}</text><g transform="translate(0 14)">${body}</g></g>`;
  const { state } = data;
  const below = (letter: string, text: string) => `${letter}<tspan dy="3" font-size="9">${text}</tspan><tspan dy="-3">\u200b</tspan>`;
  const settings = [
    `c = ${format(state.c)}`, `1 + λ = ${format(state.gap)}`, `γ = ${format(state.gamma)}`, `${below('ρ', 'PT')} = ${format(state.rhoPt)}`,
    `${below('ρ', 'FT')} = ${format(state.rhoFt)}`, `ω = ${format(state.overlap)}`, `α = ${format(state.alpha)}`, `σ² = ${format(state.noise)}`,
    ...(state.alphaPt === Infinity ? ['unlimited pretraining'] : [`${below('α', 'PT')} = ${format(state.alphaPt)}`, `${below('σ²', 'PT')} = ${format(state.noisePt)}`]),
    PROTOCOLS[state.protocol].words,
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 980 850" font-family="system-ui, 'Helvetica Neue', Arial, sans-serif">
<title>Fine-tuning of a diagonal linear network</title><desc>${escape(toLink(state))}</desc>
<style>.symbol{font-family:'STIX Two Text','Cambria','Times New Roman',serif}</style>
<rect width="980" height="850" fill="${LIGHT.paper}"/>
${panel(30, 34, 'Error against samples', curves(data))}
${panel(510, 34, 'Error over first layer and readout', Object.values(map(data.map, LIGHT)).join(''))}
${panel(30, 480, 'Regimes', triangle(data.triangle, LIGHT))}
${panel(510, 480, 'Error by class of features', bars(data.bars, LIGHT))}
<text x="30" y="826" font-size="12" fill="${LIGHT.quiet}">${settings.join(' · ')}</text>
</svg>
`;
}

function curves({ lines, visible, point }: FigureData): string {
  const [left, top, width, height] = [48, 6, 392, 262];
  const drawn = lines.filter((_, index) => visible[index]).flat().filter((value) => value > 1e-4);
  const [low, high] = [Math.log(Math.max(1e-4, Math.min(...drawn, 0.05)) / 1.15), Math.log(Math.min(20, Math.max(...drawn, 1.05)) * 1.15)];
  const x = (alpha: number) => left + width * share(KNOBS.alpha, alpha);
  const y = (error: number) => top + (height * (high - Math.log(error))) / (high - low);
  const paths = lines.map((line, index) => {
    if (!visible[index]) return '';
    let [path, pen] = ['', 'M'];
    line.forEach((error, at) => {
      if (!(error > 1e-6)) { pen = 'M'; return; }
      path += `${pen}${x(RATIOS[at]).toFixed(2)} ${y(error).toFixed(2)}`;
      pen = 'L';
    });
    const { colour, width, dash } = LIGHT.lines[index];
    return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="${width}" stroke-dasharray="${dash.join(' ')}" stroke-linejoin="round"/>`;
  });
  const ticks = [0.01, 0.1, 1].map((alpha) =>
    `<text x="${x(alpha).toFixed(1)}" y="${top + height + 18}" text-anchor="middle" font-size="12" fill="${LIGHT.quiet}">${format(alpha)}</text>`);
  for (let exponent = Math.ceil(low / Math.LN10); exponent <= Math.floor(high / Math.LN10); exponent++) {
    const at = y(10 ** exponent);
    ticks.push(`<line x1="${left}" x2="${left + width}" y1="${at.toFixed(1)}" y2="${at.toFixed(1)}" stroke="${LIGHT.rule}"/>`
      + `<text x="${left - 8}" y="${(at + 4).toFixed(1)}" text-anchor="end" font-size="12" fill="${LIGHT.quiet}">${power(exponent)}</text>`);
  }
  const legend = LINES.filter((_, index) => visible[index]).map((line, index) => {
    const { colour, width, dash } = LIGHT.lines[line.position];
    const [at, row] = [left + 200 * (index % 2), top + height + 60 + 18 * Math.floor(index / 2)];
    return `<line x1="${at}" x2="${at + 26}" y1="${row - 4}" y2="${row - 4}" stroke="${colour}" stroke-width="${width}" stroke-dasharray="${dash.join(' ')}"/>`
      + `<text x="${at + 34}" y="${row}" font-size="12" fill="${LIGHT.ink}">${line.name}</text>`;
  });
  const dot = point[1] > 1e-6 ? `<circle cx="${x(point[0]).toFixed(2)}" cy="${y(point[1]).toFixed(2)}" r="6" fill="${LIGHT.lines[0].colour}" stroke="#ffffff" stroke-width="2"/>` : '';
  return `<clipPath id="plot"><rect x="${left}" y="${top}" width="${width}" height="${height}"/></clipPath>`
    + ticks.join('') + `<g clip-path="url(#plot)">${paths.join('')}</g>` + dot + legend.join('')
    + `<text x="${left + width / 2}" y="${top + height + 36}" text-anchor="middle" font-size="12" fill="${LIGHT.ink}">samples per feature <tspan class="symbol" font-style="italic" font-size="14">α</tspan></text>`;
}

export function download(name: string, type: string, text: string) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
