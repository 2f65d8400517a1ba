// Learning curves, drawn by uPlot.

import uPlot from 'uplot';
import { format, power } from './format';
import { LINES, RATIOS } from './lines';
import { KNOBS } from './state';
import type { Theme } from './theme';

// Errors below are not drawn: at full recovery lines leave the plot.
const FLOOR = 1e-4;
const CEILING = 20;

export class Curves {
  private plot: uPlot | undefined;
  private data: uPlot.AlignedData = [RATIOS.slice() as number[], ...LINES.map(() => RATIOS.map(() => null))] as uPlot.AlignedData;
  private visible = LINES.map(() => true);
  private point: [number, number] = [NaN, NaN];

  constructor(private readonly place: HTMLElement, private theme: Theme, private readonly pick: (alpha: number) => void) {
    new ResizeObserver(() => this.plot?.setSize(this.size())).observe(place);
    this.build();
  }

  private size() {
    const width = Math.max(240, this.place.clientWidth);
    return { width, height: Math.round(Math.min(340, Math.max(250, 0.62 * width))) };
  }

  private build() {
    this.plot?.destroy();
    const { theme } = this;
    const font = '12px system-ui, sans-serif';
    // Without a filter of its own, uPlot leaves out labels of a logarithmic axis.
    const filter = (_: uPlot, splits: number[]) => splits;
    const axis = { stroke: theme.quiet, font, filter, grid: { stroke: theme.rule, width: 1 }, ticks: { stroke: theme.rule, width: 1, size: 4 } };
    this.plot = new uPlot({
      ...this.size(),
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { show: false }, y: false },
      scales: {
        x: { time: false, distr: 3, range: () => [KNOBS.alpha.lowest, KNOBS.alpha.highest] },
        y: { distr: 3, range: () => this.limits() },
      },
      axes: [
        {
          ...axis, size: 30, splits: (plot) => (plot.width < 330 ? [0.01, 0.1, 1] : [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]), values: (_, splits) => splits.map((split) => format(split)),
        },
        {
          ...axis, size: 46,
          splits: (_, __, low, high) => {
            const splits: number[] = [];
            const narrow = high / low < 30;
            for (let exponent = Math.floor(Math.log10(low)); exponent <= Math.ceil(Math.log10(high)); exponent++) {
              for (const factor of narrow ? [1, 2, 5] : [1]) splits.push(Number(`${factor}e${exponent}`));
            }
            return splits.filter((split) => split >= low && split <= high);
          },
          values: (_, splits) => splits.map((split) => {
            const exponent = Math.log10(split);
            return Number.isInteger(exponent) && split < 0.01 ? power(exponent) : format(split);
          }),
        },
      ],
      series: [{}, ...LINES.map((line, index) => ({
        label: line.name, show: this.visible[index], stroke: theme.lines[index].colour, width: theme.lines[index].width,
        dash: theme.lines[index].dash, points: { show: false }, spanGaps: false,
        // Whole pixels would make steps of smooth lines.
        pxAlign: 0,
      }))],
      hooks: { draw: [(plot) => this.mark(plot)] },
    }, this.data, this.place);
    this.listen(this.plot.over);
  }

  // The lowest and the highest error that is shown, of the lines that are shown.
  private limits(): [number, number] {
    const drawn = LINES.flatMap((_, index) => this.visible[index] ? (this.data[index + 1] as (number | null)[]) : []);
    const values = drawn.filter((value): value is number => value !== null);
    const highest = Math.min(CEILING, Math.max(...values, this.point[1] || 0, 1.05));
    const lowest = Math.max(FLOOR, Math.min(...values, 0.05));
    return [lowest / 1.15, highest * 1.15];
  }

  // The sample ratio of the knobs, and the error there.
  private mark(plot: uPlot) {
    const [alpha, error] = this.point;
    const { ctx } = plot;
    const x = plot.valToPos(alpha, 'x', true);
    ctx.save();
    ctx.strokeStyle = this.theme.quiet;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(x, plot.bbox.top);
    ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
    ctx.stroke();
    if (error > 0) {
      const y = Math.min(plot.bbox.top + plot.bbox.height, Math.max(plot.bbox.top, plot.valToPos(error, 'y', true)));
      ctx.setLineDash([]);
      ctx.beginPath();
      ctx.arc(x, y, 6 * devicePixelRatio, 0, 2 * Math.PI);
      ctx.fillStyle = this.theme.lines[0].colour;
      ctx.fill();
      ctx.lineWidth = 2 * devicePixelRatio;
      ctx.strokeStyle = this.theme.paper;
      ctx.stroke();
    }
    ctx.restore();
  }

  private listen(over: HTMLElement) {
    const move = (event: PointerEvent) => {
      const box = over.getBoundingClientRect();
      this.pick((event.clientX - box.left) / box.width);
    };
    over.style.touchAction = 'pan-y';
    over.addEventListener('pointerdown', (event) => { over.setPointerCapture(event.pointerId); move(event); });
    over.addEventListener('pointermove', (event) => { if (event.buttons & 1) move(event); });
  }

  setTheme(theme: Theme) {
    this.theme = theme;
    this.build();
  }

  show(line: number, visible: boolean) {
    this.visible[line] = visible;
    this.plot!.setSeries(line + 1, { show: visible });
    this.plot!.setData(this.data);
  }

  set(lines: number[][], point: [number, number]) {
    this.point = point;
    this.data = [this.data[0], ...lines.map((line) => line.map((value) => value > FLOOR / 100 ? value : null))] as uPlot.AlignedData;
    this.plot!.setData(this.data);
  }
}
