// The page: knobs set a state, workers answer, pictures show the answers.

import { bars } from './bars';
import { python, rust } from './code';
import { Curves } from './curves';
import { Desk } from './desk';
import { csv, download, figure } from './files';
import { aligned, escape, format } from './format';
import type { JobKind, Part } from './jobs';
import { makeKnobs } from './knobs';
import { LINES, RATIOS } from './lines';
import { at, map, range } from './map';
import {
  KNOBS, ORDER, atShare, clamp, fromLink, share, toLink, toNumbers, type Range, type State,
} from './state';
import { Theory } from './theory';
import { DARK, LIGHT, heat, type Theme } from './theme';
import { TOUR } from './tour';
import { triangle } from './triangle';
import { advice, context, type Facts } from './words';

const get = <T extends Element = HTMLElement>(id: string) => document.getElementById(id) as unknown as T;

// A search that takes longer than this many milliseconds is announced.
const PATIENCE = 400;
// Maps and searches begin after this many milliseconds, or when the curves are there.
const HEAD_START = 40;

// What is known so far. Answers to the last state stay until those to the next arrive.
const known = {
  lines: LINES.map((): number[] => RATIOS.map(() => NaN)),
  at: LINES.map(() => NaN),
  notes: LINES.map((): [number, string][] => []),
  errors: [] as number[],
  message: undefined as string | undefined,
  bias: undefined as number[] | undefined,
  biasMessage: undefined as string | undefined,
  paths: [[], [], []] as number[][],
  map: undefined as Float64Array | undefined,
  regimes: undefined as Float64Array | undefined,
  optimum: undefined as number[] | undefined,
  moved: [] as number[],
};

async function start() {
  const text = atob(get('module').textContent!);
  const module = Uint8Array.from(text, (letter) => letter.charCodeAt(0)).buffer;
  const theory = await Theory.load(module);
  const overlaps = (rhoPt: number, rhoFt: number): Range => {
    const [lowest, highest] = theory.ask('overlaps', [rhoPt, rhoFt]).values;
    return [lowest, highest];
  };

  let state: State = fromLink(location.hash, overlaps);
  // The overlap that somebody chose, to return to when the densities allow it again.
  let chosen = state.overlap;
  let stop = -1;

  // Workers.

  const busy = new Set<JobKind>();
  let asked = performance.now();
  let drawn = true;
  const answered = new Map<JobKind, string>();
  const desk = new Desk(module, (kind, { parts, done, spent }) => {
    parts.forEach(take);
    if (done) busy.delete(kind);
    if (done) performance.measure(kind, { start: asked, duration: spent });
    if (kind === 'live' && done) askSlow();
    draw(kind === 'live' && done);
  });

  function take(part: Part) {
    const first = (messages: [number, string][]) => messages[0]?.[1];
    switch (part.kind) {
      case 'errors':
        known.errors = part.values;
        known.message = part.messages.find(([position]) => position === 0)?.[1];
        break;
      case 'bias':
        known.bias = part.values.length > 0 && !Number.isNaN(part.values[0]) ? part.values : undefined;
        known.biasMessage = first(part.messages);
        break;
      case 'path': known.paths[part.knob] = part.values; break;
      case 'line':
        known.lines[part.line] = part.values;
        known.notes[part.line] = part.messages;
        if (part.done) known.at[part.line] = part.at;
        break;
      case 'map': known.map = part.errors; break;
      case 'regimes': known.regimes = part.values; break;
      case 'optimum':
        known.optimum = part.values.length > 0 ? part.values : undefined;
        known.moved = part.moved;
        break;
    }
  }

  // What each worker is asked for depends on these numbers alone.
  const needs: Record<JobKind, (name: (typeof ORDER)[number]) => boolean> = {
    live: () => true,
    optimum: () => true,
    map: (name) => name !== 'gap' && name !== 'gamma',
    reference: (name) => !['c', 'gap', 'gamma', 'protocol', 'first', 'second'].includes(name),
  };

  function ask() {
    asked = performance.now();
    drawn = false;
    for (const kind of Object.keys(needs) as JobKind[]) {
      if (answered.get(kind) !== key(kind)) busy.add(kind);
    }
    askFor('live');
    // What is seen at once goes first, and has the processor for itself.
    clearTimeout(waiting);
    waiting = window.setTimeout(askSlow, HEAD_START);
    setTimeout(() => { if (busy.has('optimum')) draw(false); }, PATIENCE + 1);
  }

  const key = (kind: JobKind) => ORDER.filter(needs[kind]).map((name) => state[name]).join(' ');

  function askFor(kind: JobKind) {
    if (answered.get(kind) === key(kind)) return;
    answered.set(kind, key(kind));
    desk.ask(kind, toNumbers(state));
  }

  let waiting = 0;
  function askSlow() {
    clearTimeout(waiting);
    for (const kind of ['optimum', 'map', 'reference'] as const) askFor(kind);
  }

  // State.

  let linking = 0;
  function set(changes: Partial<State>) {
    if ('overlap' in changes) chosen = changes.overlap!;
    const next = { ...state, ...changes };
    if (next.protocol !== state.protocol && !('first' in changes)) [next.first, next.second] = [1, 1];
    const feasible = overlaps(next.rhoPt, next.rhoFt);
    next.overlap = clamp(chosen, feasible);
    state = next;
    knobs.show(state, feasible);
    ask();
    draw(false);
    clearTimeout(linking);
    linking = window.setTimeout(link, 150);
  }

  function link() {
    clearTimeout(linking);
    history.replaceState(null, '', toLink(state));
  }

  addEventListener('hashchange', () => {
    const next = fromLink(location.hash, overlaps);
    if (toLink(next) !== toLink(state)) {
      chosen = next.overlap;
      set(next);
    }
  });

  // Theme.

  const dark = matchMedia('(prefers-color-scheme: dark)');
  let isDark = dark.matches;
  let theme: Theme = isDark ? DARK : LIGHT;
  const paint = (next: boolean) => {
    isDark = next;
    theme = isDark ? DARK : LIGHT;
    document.documentElement.dataset.theme = isDark ? 'dark' : 'light';
    curves?.setTheme(theme);
    makeLegend();
    draw(false);
  };
  dark.addEventListener('change', () => paint(dark.matches));
  get('theme').addEventListener('click', () => paint(!isDark));

  // Pictures.

  const knobs = makeKnobs(get<HTMLFormElement>('knobs'), set);
  const visible = LINES.map(() => true);
  const curves: Curves | undefined = new Curves(get('curves'), theme, (part) => set({ alpha: atShare(KNOBS.alpha, part) }));

  function makeLegend() {
    get('legend').innerHTML = LINES.map((line, index) => {
      const { colour, width, dash } = theme.lines[index];
      return `<button type="button" data-line="${index}" aria-pressed="${visible[index]}" title="${escape(line.help)}">`
        + `<svg width="28" height="10" aria-hidden="true"><line x1="1" x2="27" y1="5" y2="5" stroke="${colour}" stroke-width="${width}" stroke-dasharray="${dash.join(' ')}"/></svg>`
        + `<span>${line.name}</span><output data-key="${line.key}"></output></button>`;
    }).join('');
  }
  get('legend').addEventListener('click', (event) => {
    const button = (event.target as Element).closest<HTMLElement>('button');
    if (!button) return;
    const line = Number(button.dataset.line);
    visible[line] = !visible[line];
    button.setAttribute('aria-pressed', String(visible[line]));
    curves!.show(line, visible[line]);
  });

  let frame = 0;
  let measured = false;
  function draw(complete: boolean) {
    measured ||= complete;
    if (frame) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      const began = performance.now();
      show();
      if (measured && !drawn) {
        const from = asked;
        drawn = true;
        // Behind uPlot, which draws when the frame's own work is done.
        queueMicrotask(() => {
          const end = performance.now();
          performance.measure('drawing', { start: began, end });
          performance.measure('knob to picture', { start: from, end });
        });
      }
      measured = false;
    });
  }

  const shown = new WeakMap<Element, string>();
  const fill = (element: Element, markup: string) => {
    if (shown.get(element) === markup) return;
    shown.set(element, markup);
    element.innerHTML = markup;
  };
  const put = (element: HTMLElement, text: string) => { if (element.textContent !== text) element.textContent = text; };
  const number = (element: HTMLElement, value: number, text = aligned(value)) => {
    put(element, text);
    element.dataset.value = String(value);
  };

  const mapData = () => ({
    errors: known.map, regimes: known.regimes, point: state,
    optimum: known.optimum && { gap: known.optimum[0], gamma: known.optimum[1] },
  });
  const triangleData = () => ({
    point: known.bias && ([known.bias[0], known.bias[1]] as [number, number]), paths: known.paths,
  });
  const barsData = () => ({ current: known.errors.slice(0, 9), scratch: known.errors.slice(9, 18) });

  function show() {
    const { errors, bias, message } = known;
    document.body.dataset.busy = [...busy].join(' ');
    curves!.set(known.lines, [state.alpha, errors[0]]);
    document.querySelectorAll<HTMLElement>('#legend output').forEach((output, line) => number(output, known.at[line]));
    const missing = known.notes[0];
    put(get('curves-note'), missing.length > 0 ? `Not everywhere: ${missing[0][1]}.` : '');
    put(get('curves-words'), LINES.map((line, index) => `${line.name}: ${format(known.at[index])}`).join('; '));

    const { field, marks } = map(mapData(), theme);
    fill(get('field'), field);
    fill(get('marks'), marks);
    const limits = known.map && range(known.map);
    put(get('map-low'), limits ? format(Math.exp(limits[0]), 2) : '–');
    put(get('map-high'), limits ? format(Math.exp(limits[1]), 2) : '–');

    put(get('map-words'), known.map && !limits && message
      ? `No point of the map has an answer: ${message}.` : 'Drag, or use the arrow keys, to move both knobs. The star is the best point.');

    fill(get('triangle'), triangle(triangleData(), theme));
    const words = get('triangle-words');
    if (bias) {
      const [order, dependence, first, second, third] = bias;
      words.innerHTML = `order <i>l</i> = <span data-key="order">${format(order)}</span>, pretraining dependence PD = `
        + `<span data-key="dependence">${format(dependence)}</span>: ${Math.round(100 * first)} % I, ${Math.round(100 * second)} % II, ${Math.round(100 * third)} % III. `
        + 'Lines: where each knob would take the point.';
      words.querySelector<HTMLElement>('[data-key=order]')!.dataset.value = String(order);
      words.querySelector<HTMLElement>('[data-key=dependence]')!.dataset.value = String(dependence);
    } else {
      put(words, known.biasMessage ?? '');
    }

    fill(get('bars'), errors.length > 0 ? bars(barsData(), theme) : '');
    const total = get('bars-words');
    if (message) {
      put(total, `${message}.`);
    } else if (errors.length > 0) {
      const pretraining = errors[18] > 0 ? ` Pretraining itself errs by ${format(errors[18])}.` : '';
      total.innerHTML = `Error <span data-key="error" data-value="${errors[0]}">${format(errors[0])}</span>, from scratch `
        + `<span data-key="error-scratch" data-value="${errors[9]}">${format(errors[9])}</span>: probability times mean square, by class.${pretraining}`;
      ['shared', 'new', 'pretraining-only', 'unused'].forEach((name, index) => {
        total.setAttribute(`data-${name}`, String(errors[2 + 2 * index]));
      });
    }

    const searching = busy.has('optimum') && performance.now() - asked > PATIENCE;
    const facts: Facts = {
      state, error: errors[0] ?? NaN, scratch: errors[9] ?? NaN, bias, message,
      optimum: searching ? undefined : known.optimum, moved: known.moved,
    };
    if (errors.length > 0) {
      put(get('advice'), advice(facts));
      put(get('context'), context(facts));
    }
    const best = get<HTMLButtonElement>('best');
    best.disabled = !known.optimum || searching;
    best.dataset.optimum = (known.optimum ?? []).join(' ');
  }

  // Map.

  const area = get<SVGSVGElement>('map');
  const ramp = Array.from({ length: 10 }, (_, index) => `rgb(${heat(index / 9).map(Math.round).join(' ')})`);
  get('ramp').style.background = `linear-gradient(to right, ${ramp.join(',')})`;
  const pick = (event: PointerEvent) => {
    const box = area.getBoundingClientRect();
    const scale = 440 / box.width;
    const place = at((event.clientX - box.left) * scale, (event.clientY - box.top) * scale);
    set({ gap: atShare(KNOBS.gap, place.gap), gamma: place.gamma === undefined ? 0 : atShare(KNOBS.gamma, place.gamma) });
  };
  area.addEventListener('pointerdown', (event) => { area.setPointerCapture(event.pointerId); pick(event); });
  area.addEventListener('pointermove', (event) => { if (event.buttons & 1) pick(event); });
  area.addEventListener('keydown', (event) => {
    const stride = event.shiftKey ? 0.1 : 0.01;
    const sideways = { ArrowLeft: -stride, ArrowRight: stride }[event.key];
    const upwards = { ArrowDown: -stride, ArrowUp: stride }[event.key];
    if (sideways) set({ gap: atShare(KNOBS.gap, share(KNOBS.gap, state.gap) + sideways) });
    if (upwards) {
      const part = state.gamma === 0 ? -stride : share(KNOBS.gamma, state.gamma);
      set({ gamma: part + upwards < -1e-9 ? 0 : atShare(KNOBS.gamma, part + upwards) });
    }
    if (sideways || upwards) event.preventDefault();
  });
  get('best').addEventListener('click', () => {
    if (known.optimum) set({ gap: known.optimum[0], gamma: known.optimum[1] });
  });

  // Tour.

  get('stops').innerHTML = TOUR.map(({ title }, index) =>
    `<button type="button" data-stop="${index}"><b>${index + 1}</b><span>${title}</span></button>`).join('');
  get('stops').addEventListener('click', (event) => {
    const button = (event.target as Element).closest<HTMLElement>('button');
    if (!button) return;
    stop = Number(button.dataset.stop);
    get('stops').querySelectorAll('button').forEach((other, index) => {
      if (index === stop) other.setAttribute('aria-current', 'step');
      else other.removeAttribute('aria-current');
    });
    put(get('story'), TOUR[stop].text);
    set(TOUR[stop].state);
  });

  // Links and files.

  let toasting = 0;
  const toast = (text: string) => {
    put(get('toast'), text);
    clearTimeout(toasting);
    toasting = window.setTimeout(() => put(get('toast'), ''), 2500);
  };
  const copy = async (text: string, done: string) => {
    try {
      await navigator.clipboard.writeText(text);
      toast(done);
    } catch {
      toast('The browser does not allow copying.');
    }
  };
  get('share').addEventListener('click', () => { link(); void copy(location.href, 'Link copied.'); });
  get('skip').addEventListener('click', (event) => { event.preventDefault(); get('knobs').focus(); });
  const menu = get<HTMLDetailsElement>('export');
  menu.addEventListener('click', (event) => { if ((event.target as Element).closest('button')) menu.open = false; });
  menu.addEventListener('keydown', (event) => { if (event.key === 'Escape') menu.open = false; });
  // Files are whole: they are saved when all that they hold is computed.
  const save = (kinds: JobKind[], write: () => void) => {
    const waits = () => kinds.some((kind) => busy.has(kind));
    if (!waits()) { write(); return; }
    toast('Saved when everything is computed.');
    const timer = setInterval(() => {
      if (waits()) return;
      clearInterval(timer);
      write();
    }, 50);
  };
  get('csv').addEventListener('click', () => save(['live', 'reference'], () => {
    download('diagonet.csv', 'text/csv', csv(state, known.lines));
  }));
  get('svg').addEventListener('click', () => save(['live', 'reference', 'map', 'optimum'], () => {
    download('diagonet.svg', 'image/svg+xml', figure({
      state, lines: known.lines, visible, point: [state.alpha, known.errors[0]], triangle: triangleData(), map: mapData(), bars: barsData(),
    }));
  }));
  const dialog = get<HTMLDialogElement>('code');
  const program = (title: string, text: string) => {
    put(get('code-title'), title);
    put(get('code-text'), text);
    dialog.showModal();
  };
  get('rust').addEventListener('click', () => program('The same in Rust', rust(state)));
  get('python').addEventListener('click', () => program('The same in Python', python(state)));
  get('code-copy').addEventListener('click', () => copy(get('code-text').textContent!, 'Code copied.'));

  paint(isDark);
  set(state);
}

void start();
