// Four workers, so that no question waits for a longer one.

import type { JobKind, Report } from './jobs';

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
    private readonly receive: (kind: JobKind, report: Report) => void,
  ) {
    this.start();
  }

  private start() {
    this.worker = new Worker(this.address);
    this.worker.postMessage(this.module);
    this.worker.onmessage = ({ data }: MessageEvent<Report>) => {
      if (data.id !== this.id) return;
      if (data.done) this.busy = false;
      this.receive(this.kind, data);
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
  private readonly seats: Record<JobKind, Seat>;

  constructor(module: ArrayBuffer, receive: (kind: JobKind, report: Report) => void) {
    const address = URL.createObjectURL(new Blob([WORKER], { type: 'text/javascript' }));
    const seat = (kind: JobKind) => new Seat(kind, address, module, receive);
    this.seats = { live: seat('live'), reference: seat('reference'), map: seat('map'), optimum: seat('optimum') };
  }

  ask(kind: JobKind, state: number[]) {
    this.seats[kind].ask(state);
  }
}
