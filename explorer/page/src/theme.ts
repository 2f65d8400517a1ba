// Colours of the pictures, which a person with any colour vision can tell apart: hues of Okabe and Ito, and
// a dash of its own for every line. The style sheet has those of the page around them.

export interface Theme {
  ink: string;
  quiet: string;
  rule: string;
  paper: string;
  lines: { colour: string; width: number; dash: number[] }[];
  knobs: [string, string, string];
  classes: [string, string, string, string];
}

const DASHES = [[], [], [7, 3], [2, 3], [9, 3, 2, 3], [5, 4], [1, 3], [12, 4, 2, 4]];
const lines = (colours: string[]) =>
  colours.map((colour, line) => ({ colour, width: line === 0 ? 3 : line < 5 ? 1.6 : 1.4, dash: DASHES[line] }));

export const LIGHT: Theme = {
  ink: '#1d242b', quiet: '#5b6670', rule: '#d5dade', paper: '#ffffff',
  lines: lines(['#0063a6', '#c05000', '#007a5a', '#8a6d00', '#a8437f', '#1d242b', '#1d242b', '#66707a']),
  knobs: ['#8a6d00', '#0063a6', '#a8437f'],
  classes: ['#0063a6', '#c05000', '#6f7b86', '#a9b2ba'],
};

export const DARK: Theme = {
  ink: '#e8ebee', quiet: '#9ba6b0', rule: '#39424b', paper: '#181d22',
  lines: lines(['#63b8f2', '#f0914a', '#3fc79c', '#e3c546', '#e394c3', '#e8ebee', '#e8ebee', '#9ba6b0']),
  knobs: ['#e3c546', '#63b8f2', '#e394c3'],
  classes: ['#63b8f2', '#f0914a', '#8895a1', '#59646e'],
};

// Cividis: even steps of lightness, the same to all eyes. From low to high errors.
const CIVIDIS = [
  [0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115], [138, 134, 120], [165, 156, 116],
  [195, 179, 105], [225, 204, 85], [254, 232, 56],
];

export function heat(part: number): [number, number, number] {
  const at = Math.min(1, Math.max(0, part)) * (CIVIDIS.length - 1);
  const below = Math.min(CIVIDIS.length - 2, Math.floor(at));
  const mix = (channel: number) =>
    CIVIDIS[below][channel] + (CIVIDIS[below + 1][channel] - CIVIDIS[below][channel]) * (at - below);
  return [mix(0), mix(1), mix(2)];
}
