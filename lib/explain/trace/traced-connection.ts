import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { RawSession } from '../../session/raw-session.js';
import { ExtendedTracer } from './extended-tracer.js';
import { ServerLink } from './server-link.js';
import { SessionTrace } from './session-trace.js';
import { SimpleTracer } from './simple-tracer.js';
import type { TraceRun } from './trace-run.js';
import { byte, int32, message, textAt, WIRE } from './wire-message.js';
import { WireSplitter, type WirePiece } from './wire-splitter.js';

/** Messages above that are passed on unread. */
const MOST_READ = 16 * 1024 * 1024;
/** How long a tool may take to close a connection that the server has closed. */
const FAREWELL_MS = 1_000;
/** Our statements are among those that these drop. */
const FORGETS = /\b(discard|deallocate)\b/i;

/** One connection of the tool, from its authentication to its end. @internal */
export class TracedConnection {
  readonly #client: Duplex;
  readonly #session: RawSession;
  readonly #run: TraceRun;
  readonly #link: ServerLink;
  readonly #trace: SessionTrace;
  readonly #simple: SimpleTracer;
  readonly #extended: ExtendedTracer;
  /** The simple query that is being traced. */
  #query: Promise<void> = Promise.resolve();

  constructor(client: Duplex, session: RawSession, run: TraceRun) {
    this.#client = client;
    this.#run = run;
    this.#session = session;
    this.#link = new ServerLink(client, session.stream);
    this.#trace = new SessionTrace(run);
    this.#simple = new SimpleTracer(this.#link, this.#trace, run, session.pid);
    this.#extended = new ExtendedTracer(this.#link, this.#trace, run, session.pid);
  }

  /** Passes messages between the two until either is gone, and then ends the other. */
  async run(greeting: readonly Buffer[], rest: Buffer): Promise<void> {
    const server = this.#link.pump().catch(() => undefined);
    const { rows } = await this.#link.ask('isolation');
    this.#trace.defaultIsolation = rows[0] ?? 'read committed';
    this.#link.tell(
      ...greeting,
      ...this.#session.parameters.map(parameterStatus),
      keyData(this.#session),
      message(WIRE.ready, byte('I')),
    );
    const client = this.#pumpClient(rest).catch(() => undefined);
    const closed = new Promise<void>((resolve) => this.#client.once('close', resolve));
    await Promise.race([server.then(() => this.#client.end()), client, closed]);
    // What a tool that is gone has left running would go on, with its transaction.
    if (this.#link.isRunning) await this.#run.cancel(this.#session.pid).catch(() => undefined);
    this.#session.stream.end();
    await server;
    await Promise.race([client, delay(FAREWELL_MS, undefined, { ref: false })]);
    this.#client.destroy();
    this.#session.stream.destroy();
  }

  async #pumpClient(rest: Buffer): Promise<void> {
    const splitter = new WireSplitter((type, length) => type === WIRE.copyData || length > MOST_READ);
    const take = async (chunk: Buffer) => {
      for (const piece of splitter.push(chunk)) await this.#take(piece);
    };
    await take(rest);
    for await (const chunk of this.#client) await take(chunk as Buffer);
  }

  async #take({ type, bytes, isStreamed, begins }: WirePiece): Promise<void> {
    // The data of a COPY comes while its query waits for it; all else waits for the query.
    if (type === WIRE.copyData || type === WIRE.copyDone || type === WIRE.copyFail)
      return this.#copy(type, bytes);
    await this.#query;
    if (isStreamed) return this.#unread(type, bytes, begins);
    if (type === WIRE.query || type === WIRE.parse) this.#note(bytes, type);
    switch (type) {
      case WIRE.query:
        // The buffer that it came in may be used again.
        this.#query = this.#simple.query(Buffer.from(bytes)).catch(() => void this.#client.destroy());
        return;
      case WIRE.parse:
        return this.#extended.parse(bytes);
      case WIRE.bind:
        return this.#extended.bind(bytes);
      case WIRE.describe:
        return this.#extended.describe(bytes);
      case WIRE.execute:
        return this.#extended.execute(bytes);
      case WIRE.close:
        return this.#extended.close(bytes);
      case WIRE.sync:
        return this.#extended.sync(bytes);
      case WIRE.functionCall:
        return this.#link.send(bytes, { kind: 'query', own: false });
      default:
        return this.#link.send(bytes);
    }
  }

  #copy(type: number, bytes: Buffer): Promise<void> {
    if (type !== WIRE.copyData) this.#link.endOfCopy();
    return this.#link.send(bytes);
  }

  /** A message too great to be read still has its answer. */
  #unread(type: number, bytes: Buffer, begins: boolean): Promise<void> {
    if (begins && type === WIRE.bind) this.#extended.bound(bytes);
    else if (begins && type !== WIRE.bind) this.#run.markStale();
    const kind =
      type === WIRE.query ? 'query' : type === WIRE.parse ? 'parse' : type === WIRE.bind ? 'bind' : undefined;
    return this.#link.send(bytes, begins && kind !== undefined ? { kind, own: false } : undefined);
  }

  #note(bytes: Buffer, type: number): void {
    const [first, next] = textAt(bytes, 5);
    const sql = type === WIRE.query ? first : textAt(bytes, next)[0];
    if (FORGETS.test(sql)) this.#link.forgetPrepared();
  }
}

function parameterStatus([name, value]: readonly [string, string]): Buffer {
  return message(WIRE.parameterStatus, name, value);
}

function keyData({ pid, secretKey }: RawSession): Buffer {
  return message(0x4b, int32(pid), int32(secretKey));
}
