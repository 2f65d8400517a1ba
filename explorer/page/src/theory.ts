// The WebAssembly module as functions. Its protocol is that of `src/exports.rs`.

export interface Answer {
  values: number[];
  // Why a number does not exist, by its position.
  messages: Map<number, string>;
}

export type Question =
  | 'learning_curve' | 'errors' | 'bias' | 'path' | 'error_map' | 'regime_map' | 'optimum' | 'moved'
  | 'overlaps';

type Exports = Record<Question, () => number> & {
  memory: WebAssembly.Memory;
  input(length: number): number;
  output(): number;
  text(): number;
  text_length(): number;
};

export class Theory {
  private constructor(private readonly exports: Exports) {}

  static async load(module: BufferSource): Promise<Theory> {
    const { instance } = await WebAssembly.instantiate(module);
    return new Theory(instance.exports as unknown as Exports);
  }

  ask(question: Question, numbers: number[]): Answer {
    const { exports } = this;
    const address = exports.input(numbers.length);
    new Float64Array(exports.memory.buffer, address, numbers.length).set(numbers);
    const length = exports[question]();
    // The memory may have grown, which detaches views of it.
    const values = Array.from(new Float64Array(exports.memory.buffer, exports.output(), length));
    const text = new TextDecoder().decode(new Uint8Array(exports.memory.buffer, exports.text(), exports.text_length()));
    const messages = new Map<number, string>();
    for (const line of text.split('\n')) {
      const at = line.indexOf('\t');
      if (at >= 0) messages.set(Number(line.slice(0, at)), line.slice(at + 1));
    }
    return { values, messages };
  }
}
