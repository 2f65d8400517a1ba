// What each class of features adds to the error, beside training from scratch.

import { aligned, format } from './format';
import type { Theme } from './theme';

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
  const [left, right] = [124, 276];
  const width = (value: number) => (Number.isFinite(value) ? ((right - left) * value) / highest : 0);
  const text = (x: number, y: number, words: string, colour: string, size = 13, anchor = 'end') =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}" font-size="${size}" fill="${colour}">${words}</text>`;
  const mark = (x: number, y: number, height = 30) =>
    `<line x1="${x.toFixed(2)}" x2="${x.toFixed(2)}" y1="${y}" y2="${y + height}" stroke="${theme.ink}" stroke-width="2" stroke-dasharray="3 2"/>`;
  const rows = CLASSES.map((name, index) => {
    const y = 34 + 46 * index;
    const probability = current[1 + 2 * index];
    const absent = probability === 0;
    return text(left - 12, y + 15, name, absent ? theme.quiet : theme.ink)
      + text(left - 12, y + 30, absent ? 'none' : Number.isNaN(probability) ? '' : `${format(100 * probability)} %`, theme.quiet, 12)
      + `<rect x="${left}" y="${y + 6}" width="${width(own[index]).toFixed(2)}" height="20" rx="2" fill="${theme.classes[index]}"/>`
      + (absent || !Number.isFinite(other[index]) ? '' : mark(left + width(other[index]), y + 1))
      + (absent ? '' : text(336, y + 21, aligned(own[index]), theme.ink) + text(398, y + 21, aligned(other[index]), theme.quiet));
  });
  return text(336, 18, 'fine-tuned', theme.ink, 12)
    + text(398, 18, 'scratch', theme.quiet, 12)
    + `<line x1="${left}" x2="${left}" y1="32" y2="212" stroke="${theme.rule}" stroke-width="1.5"/>` + rows.join('')
    + mark(left + 4, 216, 18) + text(left + 14, 229, 'from scratch', theme.quiet, 12, 'start');
}
