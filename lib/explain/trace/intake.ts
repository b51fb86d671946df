import type { Duplex } from 'node:stream';
import type { WireSplitter } from './wire-splitter.js';

/** What is done with the chunks in which the messages come. */
interface OnChunks {
  /** Called with one that is not read yet. @returns whether it was passed on as it is. */
  readonly before?: (chunk: Buffer) => boolean;
  readonly after?: () => void;
}

/**
 * Reads a stream message by message, in the very event in which they come. Where taking one takes time the next ones wait, and the
 * stream is not read on.
 *
 * States: *reading*; *held* (something has to be done first); *over*.
 *
 * @internal
 */
export class Intake {
  readonly #stream: Duplex;
  readonly #splitter: WireSplitter;
  readonly #take: (piece: WireSplitter) => void | Promise<void>;
  readonly #chunks: OnChunks;
  #holds = 0;
  #isOver = false;
  #over: (() => void)[] = [];

  constructor(
    stream: Duplex,
    splitter: WireSplitter,
    take: (piece: WireSplitter) => void | Promise<void>,
    chunks: OnChunks = {},
  ) {
    this.#stream = stream;
    this.#splitter = splitter;
    this.#take = take;
    this.#chunks = chunks;
  }

  /** Reads until the stream ends, or fails. */
  run(): Promise<void> {
    const over = () => this.#end();
    this.#stream
      .on('data', (chunk: Buffer) => {
        if (this.#isOver) return;
        this.#splitter.feed(chunk, this.#chunks.before?.(chunk));
        this.#advance();
      })
      .on('end', over)
      .on('close', over)
      .on('error', over);
    if (this.#stream.readableEnded || this.#stream.destroyed) over();
    else this.#stream.resume();
    return new Promise((resolve) => {
      if (this.#isOver) resolve();
      else this.#over.push(resolve);
    });
  }

  /** Reads on no earlier than that. */
  hold(until: Promise<void>): void {
    this.#holds += 1;
    this.#stream.pause();
    until.then(
      () => this.#release(),
      () => this.#end(),
    );
  }

  #release(): void {
    this.#holds -= 1;
    if (this.#holds > 0) return;
    this.#advance();
    if (this.#holds === 0) this.#stream.resume();
  }

  #advance(): void {
    try {
      while (!this.#isOver && this.#splitter.next()) {
        const busy = this.#take(this.#splitter);
        if (busy === undefined) continue;
        this.hold(busy);
        return;
      }
      this.#chunks.after?.();
    } catch {
      // What is no message of the protocol ends the connection.
      this.#end();
    }
  }

  #end(): void {
    this.#isOver = true;
    for (const resolve of this.#over.splice(0)) resolve();
  }
}
