// Four workers, so that no question waits for a longer one.

import type { JobKind, Part, Report } from './jobs';

declare const WORKER: string;

// A worker that is still busy with a question of the past is replaced after this many milliseconds.
const PATIENCE = 300;

class Seat {
  private worker!: Worker;
  private id = 0;
  private began = 0;
  private busy = false;

  constructor(
    private readonly kind: JobKind,
    private readonly address: string,
    private readonly module: ArrayBuffer,
    private readonly receive: (kind: JobKind, parts: Part[], done: boolean) => void,
  ) {
    this.start();
  }

  private start() {
    this.worker = new Worker(this.address);
    this.worker.postMessage(this.module);
    this.worker.onmessage = ({ data }: MessageEvent<Report>) => {
      if (data.id !== this.id) return;
      if (data.done) this.busy = false;
      this.receive(this.kind, data.parts, data.done);
    };
  }

  ask(state: number[]) {
    // The search for an optimum is one question, which does not look for newer ones.
    if (this.kind === 'optimum' && this.busy && performance.now() - this.began > PATIENCE) {
      this.worker.terminate();
      this.start();
    }
    this.id += 1;
    if (!this.busy) this.began = performance.now();
    this.busy = true;
    this.worker.postMessage({ id: this.id, kind: this.kind, state });
  }
}

export class Desk {
  private readonly seats: Seat[];

  constructor(module: ArrayBuffer, receive: (kind: JobKind, parts: Part[], done: boolean) => void) {
    const address = URL.createObjectURL(new Blob([WORKER], { type: 'text/javascript' }));
    const kinds: JobKind[] = ['live', 'reference', 'map', 'optimum'];
    this.seats = kinds.map((kind) => new Seat(kind, address, module, receive));
  }

  ask(state: number[]) {
    for (const seat of this.seats) seat.ask(state);
  }
}
