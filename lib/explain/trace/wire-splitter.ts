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

/**
 * Cuts a stream of the PostgreSQL protocol into messages. Those for which `streams` is true are handed out in the parts in which
 * they come, several at once where they follow each other, so that a result of any size takes no memory.
 *
 * @see https://www.postgresql.org/docs/current/protocol-message-formats.html
 * @internal
 */
export class WireSplitter {
  readonly #streams: (type: number, length: number) => boolean;
  #rest: Buffer = Buffer.alloc(0);
  #collected: Buffer[] = [];
  #missing = 0;
  #streaming: { type: number; left: number } | undefined;

  constructor(streams: (type: number, length: number) => boolean) {
    this.#streams = streams;
  }

  *push(chunk: Buffer): Generator<WirePiece, void, undefined> {
    let bytes = this.#joined(chunk);
    while (bytes.length > 0) {
      if (this.#streaming !== undefined) {
        const taken = Math.min(this.#streaming.left, bytes.length);
        const { type } = this.#streaming;
        this.#streaming.left -= taken;
        if (this.#streaming.left === 0) this.#streaming = undefined;
        yield { type, bytes: bytes.subarray(0, taken), isStreamed: true, begins: false };
        bytes = bytes.subarray(taken);
        continue;
      }
      if (bytes.length < HEAD) break;
      const [type, size] = [bytes.readUInt8(0), bytes.readUInt32BE(1) + 1];
      if (this.#streams(type, size)) {
        const end = this.#endOfRun(bytes, type);
        yield { type, bytes: bytes.subarray(0, end), isStreamed: true, begins: true };
        bytes = bytes.subarray(end);
        continue;
      }
      if (bytes.length < size) {
        this.#missing = size - bytes.length;
        break;
      }
      yield { type, bytes: bytes.subarray(0, size), isStreamed: false, begins: true };
      bytes = bytes.subarray(size);
    }
    this.#rest = bytes;
  }

  /** Great messages come in many chunks: they are joined once. */
  #joined(chunk: Buffer): Buffer {
    if (this.#missing > chunk.length) {
      this.#collected.push(chunk);
      this.#missing -= chunk.length;
      return Buffer.alloc(0);
    }
    const parts = [this.#rest, ...this.#collected, chunk].filter(({ length }) => length > 0);
    this.#rest = Buffer.alloc(0);
    this.#collected = [];
    this.#missing = 0;
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }

  /** Messages of one type that follow each other, as far as they are here. */
  #endOfRun(bytes: Buffer, type: number): number {
    let at = 0;
    while (at + HEAD <= bytes.length && bytes.readUInt8(at) === type) {
      const size = bytes.readUInt32BE(at + 1) + 1;
      if (!this.#streams(type, size)) break;
      if (at + size > bytes.length) {
        this.#streaming = { type, left: at + size - bytes.length };
        return bytes.length;
      }
      at += size;
    }
    return at;
  }
}
