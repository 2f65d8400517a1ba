// What each class of features adds to the error, beside training from scratch.

import { format } from './format';
import type { Theme } from './theme';

export const BARS = { width: 360, height: 236 };

const CLASSES = ['shared', 'new', 'pretraining only', 'unused'];

export interface BarsData {
  // Error in total, then probability and mean error of each class; NaN where there is none.
  current: number[];
  scratch: number[];
}

export function bars({ current, scratch }: BarsData, theme: Theme): string {
  const parts = (numbers: number[]) => CLASSES.map((_, index) => numbers[1 + 2 * index] * numbers[2 + 2 * index]);
  const [own, other] = [parts(current), parts(scratch)];
  const finite = [...own, ...other].filter((value) => Number.isFinite(value));
  const highest = Math.max(...finite, Number.MIN_VALUE);
  const [left, right] = [112, 292];
  const width = (value: number) => Number.isFinite(value) ? ((right - left) * value) / highest : 0;
  const rows = CLASSES.map((name, index) => {
    const y = 12 + 46 * index;
    const text = Number.isNaN(own[index]) ? '–' : format(own[index]);
    const [long, mark] = [width(own[index]), left + width(other[index])];
    return `<text x="${left - 12}" y="${y + 17}" text-anchor="end" font-size="13" fill="${theme.ink}">${name}</text>`
      + `<text x="${left - 12}" y="${y + 31}" text-anchor="end" font-size="11" fill="${theme.quiet}">${format(100 * current[1 + 2 * index])} %</text>`
      + `<rect x="${left}" y="${y + 5}" width="${long.toFixed(2)}" height="22" rx="2" fill="${theme.classes[index]}"/>`
      + (Number.isFinite(other[index])
        ? `<line x1="${mark.toFixed(2)}" x2="${mark.toFixed(2)}" y1="${y}" y2="${y + 32}" stroke="${theme.ink}" stroke-width="2" stroke-dasharray="3 2"/>` : '')
      + `<text x="${(Math.max(left + long, Number.isFinite(other[index]) ? mark : 0) + 8).toFixed(2)}" y="${y + 20}" font-size="13" fill="${theme.ink}">${text}</text>`;
  });
  return `<line x1="${left}" x2="${left}" y1="10" y2="196" stroke="${theme.rule}" stroke-width="1.5"/>` + rows.join('')
    + `<line x1="${left}" x2="${left}" y1="208" y2="224" stroke="${theme.ink}" stroke-width="2" stroke-dasharray="3 2"/>`
    + `<text x="${left + 10}" y="221" font-size="12" fill="${theme.quiet}">from scratch</text>`;
}
