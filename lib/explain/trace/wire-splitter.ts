/** A message, or of a streamed one a part. @internal */
export interface WirePiece {
  /** The letter of the message, as its code. */
  readonly type: number;
  /** The whole message with its head; of a streamed piece, bytes of one or several messages of that type. */
  readonly bytes: Buffer;
  /** Whether it is passed on as it comes, rather than collected. */
  readonly isStreamed: boolean;
  /** Of a streamed piece, whether a message begins with it. */
  readonly begins: boolean;
}

const HEAD = 5;
const NOTHING = Buffer.alloc(0);

/**
 * Cuts a stream of the PostgreSQL protocol into messages. Those for which `streams` is true are handed out in the parts in which
 * they come, several at once where they follow each other, so that a result of any size takes no memory.
 *
 * It is itself the piece that {@link next} has found: what is passed on unread costs no object.
 *
 * States: *at a message*; *inside of one that is streamed*; *collecting* (of the next message a part is there).
 *
 * @see https://www.postgresql.org/docs/current/protocol-message-formats.html
 * @internal
 */
export class WireSplitter implements WirePiece {
  type = 0;
  isStreamed = false;
  begins = false;
  /** What the piece lies in, from `start` to `end`. */
  chunk: Buffer = NOTHING;
  start = 0;
  end = 0;
  /** Up to where in `chunk` the bytes were passed on before they were read. */
  ahead = 0;
  readonly #streams: (type: number, length: number) => boolean;
  #collected: Buffer[] = [];
  /** Of what is collected, how much there is, and how much of it was passed on. */
  #pending = 0;
  #passed = 0;
  #missing = 0;
  /** How much of the message that is streamed is still to come, and its type. */
  #left = 0;
  #streamed = 0;

  constructor(streams: (type: number, length: number) => boolean) {
    this.#streams = streams;
  }

  get bytes(): Buffer {
    return this.chunk.subarray(this.start, this.end);
  }

  byteAt(offset: number): number {
    return this.chunk[this.start + offset] ?? 0;
  }

  /** The text that begins at an offset, up to its zero byte. */
  textAt(offset: number): string {
    const from = this.start + offset;
    return this.chunk[from] === 0 ? '' : this.chunk.toString('utf8', from, this.#endOfText(from));
  }

  /** Where what follows that text begins. */
  behindText(offset: number): number {
    return this.#endOfText(this.start + offset) + 1 - this.start;
  }

  #endOfText(from: number): number {
    if (this.chunk[from] === 0) return from;
    const end = this.chunk.indexOf(0, from);
    return end === -1 || end > this.end ? this.end : end;
  }

  /** All pieces of what came. */
  *push(chunk: Buffer): Generator<WirePiece, void, undefined> {
    this.feed(chunk);
    while (this.next()) {
      const { type, bytes, isStreamed, begins } = this;
      yield { type, bytes, isStreamed, begins };
    }
  }

  /** Whether what comes next may be passed on before it is read: all that came before it has been. */
  get isEven(): boolean {
    const rest = this.chunk.length - this.end;
    return this.#passed === this.#pending && (rest === 0 || this.ahead === this.chunk.length);
  }

  /** Takes what came, once {@link next} has found all that came before it; `isAhead` where it was passed on already. */
  feed(chunk: Buffer, isAhead = false): void {
    this.#keepRest();
    const passed = this.#passed + (isAhead ? chunk.length : 0);
    if (this.#missing > chunk.length) {
      this.#missing -= chunk.length;
      this.#collected.push(chunk);
      this.#pending += chunk.length;
      this.#passed = passed;
      return;
    }
    // Great messages come in many chunks: they are joined once.
    this.chunk = this.#pending > 0 ? Buffer.concat([...this.#collected, chunk]) : chunk;
    this.ahead = passed;
    if (this.#pending === 0) return;
    this.#collected = [];
    this.#pending = 0;
    this.#passed = 0;
    this.#missing = 0;
  }

  /** The next message is not there as a whole. */
  #keepRest(): void {
    const rest = this.chunk.length - this.end;
    if (rest > 0) {
      this.#collected.push(this.chunk.subarray(this.end));
      this.#pending += rest;
      this.#passed += Math.max(0, this.ahead - this.end);
    }
    this.chunk = NOTHING;
    this.start = 0;
    this.end = 0;
    this.ahead = 0;
  }

  /** Goes on to the next piece. @returns whether there is one. */
  next(): boolean {
    const [at, size] = [this.end, this.chunk.length - this.end];
    if (this.#left > 0 && size > 0) return this.#goOn(at, Math.min(this.#left, size));
    if (size < HEAD) return false;
    const type = this.chunk[at] as number;
    const length = this.chunk.readUInt32BE(at + 1) + 1;
    if (this.#streams(type, length)) return this.#found(type, at, this.#endOfRun(at, type), true, true);
    if (size < length) {
      this.#missing = length - size;
      return false;
    }
    return this.#found(type, at, at + length, false, true);
  }

  #goOn(at: number, taken: number): true {
    this.#left -= taken;
    return this.#found(this.#streamed, at, at + taken, true, false);
  }

  #found(type: number, start: number, end: number, isStreamed: boolean, begins: boolean): true {
    this.type = type;
    this.start = start;
    this.end = end;
    this.isStreamed = isStreamed;
    this.begins = begins;
    return true;
  }

  /** Messages of one type that follow each other, as far as they are here. */
  #endOfRun(from: number, type: number): number {
    const { chunk } = this;
    let at = from;
    while (at + HEAD <= chunk.length && chunk[at] === type) {
      const length = chunk.readUInt32BE(at + 1) + 1;
      if (!this.#streams(type, length)) break;
      if (at + length > chunk.length) {
        this.#left = at + length - chunk.length;
        this.#streamed = type;
        return chunk.length;
      }
      at += length;
    }
    return at;
  }
}
