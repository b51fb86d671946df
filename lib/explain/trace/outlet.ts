import type { Duplex } from 'node:stream';
import { anyEvent } from './any-event.js';
import type { WireSplitter } from './wire-splitter.js';

const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Writes to one side what came from the other. All that is written in one turn of the event loop leaves as it came, in one packet:
 * each one would wake the other side. What follows each other in a chunk is written as the one piece that it is.
 *
 * States: *empty*; *due* (what is written leaves at the end of this turn).
 *
 * @internal
 */
export class Outlet {
  readonly #stream: Duplex;
  readonly #onFull: (roomy: Promise<void>) => void;
  #pieces: Buffer[] = [];
  #chunk: Buffer = NOTHING;
  #start = 0;
  #end = 0;
  #isDue = false;
  #isFull = false;
  readonly #flush = () => this.flush();

  /** @param onFull called where the other side reads more slowly, with what resolves when there is room again. */
  constructor(stream: Duplex, onFull: (roomy: Promise<void>) => void) {
    this.#stream = stream;
    this.#onFull = onFull;
  }

  write(bytes: Buffer): void {
    this.#take(bytes, 0, bytes.length);
  }

  /** Passes a message on, or what is left of it. */
  pass(piece: WireSplitter): void {
    const { chunk, end } = piece;
    const start = Math.max(piece.start, piece.ahead);
    if (start >= end) return;
    if (chunk === this.#chunk && start === this.#end) this.#end = end;
    else this.#take(chunk, start, end);
  }

  #take(chunk: Buffer, start: number, end: number): void {
    this.#cut();
    this.#chunk = chunk;
    this.#start = start;
    this.#end = end;
    if (this.#isDue) return;
    this.#isDue = true;
    process.nextTick(this.#flush);
  }

  #cut(): void {
    const [start, end] = [this.#start, this.#end];
    if (end > start) {
      const isWhole = start === 0 && end === this.#chunk.length;
      this.#pieces.push(isWhole ? this.#chunk : this.#chunk.subarray(start, end));
    }
    this.#chunk = NOTHING;
    this.#start = 0;
    this.#end = 0;
  }

  /** Sends what is due. */
  flush(): void {
    this.#isDue = false;
    this.#cut();
    const pieces = this.#pieces;
    const stream = this.#stream;
    if (pieces.length === 0) return;
    this.#pieces = [];
    if (stream.destroyed || stream.writableEnded) return;
    if (pieces.length > 1) stream.cork();
    for (const piece of pieces) stream.write(piece);
    if (pieces.length > 1) stream.uncork();
    if (stream.writableNeedDrain && !this.#isFull) this.#onFull(this.#drained());
  }

  async #drained(): Promise<void> {
    this.#isFull = true;
    await anyEvent(this.#stream, 'drain', 'close');
    this.#isFull = false;
  }

  /** Sends what is due, and that there is no more. */
  end(): void {
    this.flush();
    this.#stream.end();
  }
}
