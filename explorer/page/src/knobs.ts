// Sliders with their numbers. Whatever is done to them, the state is legal.

import { format } from './format';
import { KNOBS, PROTOCOLS, STEPS, atStep, clamp, legal, round, step, type Knob, type Name, type Range, type State } from './state';

interface Group {
  title: string;
  names: Name[];
}

const GROUPS: readonly Group[] = [
  { title: 'Initialization', names: ['c', 'gap', 'gamma'] },
  { title: 'Between the tasks', names: ['protocol', 'first', 'second'] },
  { title: 'Tasks', names: ['rhoPt', 'rhoFt', 'overlap'] },
  { title: 'Fine-tuning data', names: ['alpha', 'noise'] },
  { title: 'Pretraining data', names: ['alphaPt', 'noisePt'] },
];

const OVERLAP = {
  symbol: '<i>ω</i>', spoken: 'omega', words: 'overlap',
  help: 'Fraction of the features of fine-tuning that pretraining used. Its range follows the densities.',
};

export interface Knobs {
  show(state: State, overlaps: Range): void;
}

export function makeKnobs(form: HTMLFormElement, set: (changes: Partial<State>) => void): Knobs {
  form.innerHTML = GROUPS.map(({ title, names }) =>
    `<fieldset><legend>${title}</legend>${names.map((name) => (name === 'protocol' ? choice() : knob(name))).join('')}</fieldset>`).join('');
  form.addEventListener('submit', (event) => event.preventDefault());

  let overlaps: Range = [0, 1];
  let current: State;
  const slider = (name: Name) => form.querySelector<HTMLInputElement>(`#${name}`)!;
  const box = (name: Name) => form.querySelector<HTMLInputElement>(`#${name}-value`)!;

  form.addEventListener('input', (event) => {
    const target = event.target as HTMLInputElement;
    if (target.type !== 'range') return;
    const position = Number(target.value);
    if (target.id === 'overlap') {
      const value = overlaps[0] + (overlaps[1] - overlaps[0]) * (position / STEPS);
      set({ overlap: clamp(round(value), overlaps) });
    } else {
      const name = target.id as keyof typeof KNOBS;
      set({ [name]: atStep(KNOBS[name], position) });
    }
  });
  form.addEventListener('change', (event) => {
    const target = event.target as HTMLInputElement | HTMLSelectElement;
    if (target.id === 'protocol') {
      set({ protocol: (target as HTMLSelectElement).selectedIndex });
    } else if (target.id.endsWith('-value')) {
      const name = target.id.slice(0, -'-value'.length) as Name;
      const text = target.value.trim();
      const value = /^(∞|unlimited|inf)/i.test(text) ? Infinity : text === '' ? NaN : Number(text.replace(',', '.').replace('−', '-'));
      if (Number.isNaN(value)) set({ [name]: current[name] });
      else if (name === 'overlap') set({ overlap: clamp(value, overlaps) });
      else set({ [name]: legal(KNOBS[name as keyof typeof KNOBS], value) });
    }
  });

  return {
    show(state, range) {
      overlaps = range;
      current = state;
      const protocol = PROTOCOLS[state.protocol];
      form.querySelector<HTMLSelectElement>('#protocol')!.selectedIndex = state.protocol;
      form.querySelector('#protocol-help')!.textContent = protocol.help;
      for (const name of [...Object.keys(KNOBS), 'overlap'] as Name[]) {
        const value = state[name];
        const text = value === Infinity ? '∞' : Number(value.toPrecision(6)).toString();
        box(name).value = text;
        const position = name === 'overlap'
          ? (range[1] > range[0] ? Math.round((STEPS * (value - range[0])) / (range[1] - range[0])) : STEPS)
          : step(KNOBS[name as keyof typeof KNOBS], value);
        slider(name).value = String(position);
        slider(name).setAttribute('aria-valuetext', value === Infinity ? 'unlimited' : format(value));
        slider(name).style.setProperty('--part', String(position / STEPS));
      }
      slider('overlap').disabled = range[1] <= range[0];
      form.querySelector('#overlap-range')!.textContent = range[0] > 0 || range[1] < 1 ? `${format(range[0])} to ${format(range[1])}` : '';
      ['first', 'second'].forEach((name, index) => {
        const parameter = protocol.parameters[index];
        const row = form.querySelector<HTMLElement>(`[data-knob=${name}]`)!;
        row.hidden = !parameter;
        if (!parameter) return;
        row.querySelector('.symbol')!.innerHTML = parameter.symbol;
        row.querySelector('.words')!.textContent = parameter.words;
        slider(name as Name).setAttribute('aria-label', `${parameter.spoken}, ${parameter.words}`);
        box(name as Name).setAttribute('aria-label', `${parameter.spoken}, ${parameter.words}, value`);
      });
      const idle = (name: string, without: boolean) => form.querySelector(`[data-knob=${name}]`)!.classList.toggle('idle', without);
      idle('gap', !protocol.readsGap);
      idle('gamma', !protocol.readsGamma);
      idle('noisePt', state.alphaPt === Infinity);
      slider('noisePt').disabled = box('noisePt').disabled = state.alphaPt === Infinity;
    },
  };
}

function knob(name: Name): string {
  const { symbol, spoken, words, help } = name === 'overlap' ? OVERLAP : (KNOBS[name as keyof typeof KNOBS] as Knob);
  return `<div class="knob" data-knob="${name}" title="${help}">`
    + `<label for="${name}"><span class="symbol">${symbol}</span> <span class="words">${words}</span>${name === 'overlap' ? ' <small id="overlap-range"></small>' : ''}</label>`
    + `<input class="value" id="${name}-value" type="text" inputmode="decimal" autocomplete="off" spellcheck="false" aria-label="${spoken}, ${words}, value">`
    + `<input id="${name}" type="range" min="0" max="${STEPS}" step="1" aria-label="${spoken}, ${words}"></div>`;
}

function choice(): string {
  const options = PROTOCOLS.map(({ name, words }) => `<option value="${name}">${words}</option>`).join('');
  return `<div class="knob choice"><label for="protocol" class="words">protocol</label><select id="protocol" aria-describedby="protocol-help">${options}</select><p class="note" id="protocol-help"></p></div>`;
}
