import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { byte, errorFields, int32, message, textAt, WIRE } from '../../../lib/explain/trace/wire-message.js';
import { WireSplitter } from '../../../lib/explain/trace/wire-splitter.js';

const query = (sql: string): Buffer => message(WIRE.query, sql);

/** Messages to the server. */
export const raw = {
  query,
  parse: (sql: string, name = '') => message(WIRE.parse, name, sql, 0),
  bind: (statement = '', portal = '') => message(WIRE.bind, portal, statement, 0, 0, 0),
  describe: (portal = '') => message(WIRE.describe, byte('P'), portal),
  execute: (rows = 0, portal = '') => message(WIRE.execute, portal, int32(rows)),
  close: (name: string) => message(WIRE.close, byte('S'), name),
  flush: () => message(WIRE.flush),
  sync: () => message(WIRE.sync),
  copyData: (text: string) => message(WIRE.copyData, Buffer.from(text)),
  copyDone: () => message(WIRE.copyDone),
  copyFail: (reason: string) => message(WIRE.copyFail, reason),
  extended: (sql: string) =>
    Buffer.concat([raw.parse(sql), raw.bind(), raw.describe(), raw.execute(), raw.sync()]),
} as const;

/** A client without a mind of its own: sends bytes, and writes down what comes. */
export class RawClient {
  readonly told: string[] = [];
  /** When each message came. */
  readonly times: number[] = [];
  readonly #socket: Socket;
  readonly #splitter = new WireSplitter(() => false);
  #news: (() => void)[] = [];
  #isOver = false;
  /** Up to where {@link until} has read. */
  #read = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      for (const { type, bytes } of this.#splitter.push(chunk)) {
        this.told.push(lineOf(String.fromCharCode(type), bytes));
        this.times.push(performance.now());
      }
      this.#wake();
    });
    socket
      .on('error', () => undefined)
      .on('close', () => {
        this.#isOver = true;
        this.#wake();
      });
  }

  /** Connects to what `DATABASE_URL` says, and waits until the server is ready. */
  static async open(env: Readonly<Record<string, string | undefined>>): Promise<RawClient> {
    const url = new URL(env['DATABASE_URL'] ?? '');
    const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
    await once(socket, 'connect');
    const client = new RawClient(socket);
    const names = ['user', decodeURIComponent(url.username), 'database', url.pathname.slice(1)];
    const body = Buffer.concat([...names.map((name) => Buffer.from(`${name}\0`)), Buffer.alloc(1)]);
    socket.write(Buffer.concat([int32(body.length + 8), int32(3 << 16), body]));
    if (url.password !== '') socket.write(message(0x70, decodeURIComponent(url.password)));
    await client.until('Z');
    client.told.length = 0;
    client.times.length = 0;
    client.#read = 0;
    return client;
  }

  send(...messages: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(messages));
  }

  /** Waits for the next message of that letter, or for the end of the connection. */
  async until(letter: string): Promise<void> {
    for (;;) {
      const at = this.told.findIndex((line, index) => index >= this.#read && line.startsWith(letter));
      if (at !== -1) {
        this.#read = at + 1;
        return;
      }
      if (this.#isOver) return;
      await new Promise<void>((resolve) => this.#news.push(resolve));
    }
  }

  async ask(...messages: readonly Buffer[]): Promise<void> {
    this.send(...messages);
    await this.until('Z');
  }

  async close(): Promise<void> {
    if (this.#isOver) return;
    this.#socket.end(message(WIRE.terminate));
    await once(this.#socket, 'close');
  }

  #wake(): void {
    for (const resolve of this.#news.splice(0)) resolve();
  }
}

/** A message, without what differs between two runs. */
function lineOf(letter: string, bytes: Buffer): string {
  if (letter === 'E' || letter === 'N') {
    const fields = errorFields(bytes);
    return `${letter} ${['S', 'C', 'M', 'P'].map((name) => fields.get(name) ?? '').join('|')}`;
  }
  if (letter === 'T') return `T ${bytes.readInt16BE(5)} ${textAt(bytes, 7)[0]}`;
  if (letter === 'A') return `A ${textAt(bytes, 9).join(' ')}`;
  return `${letter} ${bytes
    .subarray(5)
    .toString('latin1')
    .replace(/[^\x20-\x7e]+/g, '·')}`;
}
