import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { RawSession } from '../../session/raw-session.js';
import { ExtendedTracer } from './extended-tracer.js';
import { Intake } from './intake.js';
import { ServerLink } from './server-link.js';
import { SessionTrace } from './session-trace.js';
import { SimpleTracer } from './simple-tracer.js';
import type { TraceRun } from './trace-run.js';
import { byte, int32, message, WIRE } from './wire-message.js';
import { WireSplitter } from './wire-splitter.js';

/** Messages above that are passed on unread. */
const MOST_READ = 16 * 1024 * 1024;
/** How long a tool may take to close a connection that the server has closed. */
const FAREWELL_MS = 1_000;

/** One connection of the tool, from its authentication to its end. @internal */
export class TracedConnection {
  readonly #client: Duplex;
  readonly #session: RawSession;
  readonly #run: TraceRun;
  readonly #link: ServerLink;
  readonly #messages: Intake;
  readonly #trace: SessionTrace;
  readonly #simple: SimpleTracer;
  readonly #extended: ExtendedTracer;
  /** The simple query that is being traced. */
  #query: Promise<void> | undefined;
  /** The last look at what messages of the extended protocol did. */
  #batch: Promise<void> | undefined;

  constructor(client: Duplex, session: RawSession, run: TraceRun) {
    this.#client = client;
    this.#run = run;
    this.#session = session;
    const splitter = new WireSplitter((type, length) => type === WIRE.copyData || length > MOST_READ);
    this.#messages = new Intake(client, splitter, (piece) => this.#take(piece), {
      after: () => this.#link.flush(),
    });
    this.#link = new ServerLink(client, session.stream, (roomy) => this.#messages.hold(roomy));
    this.#trace = new SessionTrace(run);
    this.#simple = new SimpleTracer(this.#link, this.#trace, run, session.pid);
    this.#extended = new ExtendedTracer(this.#link, this.#trace, run, session.pid);
  }

  /** Passes messages between the two until either is gone, and then ends the other. */
  async run(greeting: readonly Buffer[]): Promise<void> {
    const server = this.#link.pump();
    const { rows } = await this.#link.ask('isolation');
    this.#trace.defaultIsolation = rows[0] ?? 'read committed';
    this.#link.tell(
      ...greeting,
      ...this.#session.parameters.map(parameterStatus),
      keyData(this.#session),
      message(WIRE.ready, byte('I')),
    );
    const client = this.#messages.run();
    await Promise.race([server.then(() => this.#endClient()), client]);
    // What a tool that is gone has left running would go on, with its transaction.
    if (this.#link.isRunning) await this.#run.cancel(this.#session.pid).catch(() => undefined);
    this.#link.flush();
    this.#session.stream.end();
    await server;
    // What was seen of the last statement belongs to the report, however soon the tool went.
    await Promise.all([this.#query, this.#batch]);
    await Promise.race([client, delay(FAREWELL_MS, undefined, { ref: false })]);
    this.#client.destroy();
    this.#session.stream.destroy();
  }

  /** What was kept back for the tool goes first. */
  async #endClient(): Promise<void> {
    await Promise.all([this.#query, this.#batch]);
    this.#link.flush();
    this.#client.end();
  }

  #take(piece: WireSplitter): void | Promise<void> {
    const { type } = piece;
    if (type === WIRE.copyData || type === WIRE.copyDone || type === WIRE.copyFail) return this.#copy(piece);
    if (this.#query !== undefined) return this.#query.then(() => this.#take(piece));
    if (piece.isStreamed) return this.#unread(piece);
    switch (type) {
      case WIRE.query:
        return this.#traceQuery(piece.bytes);
      case WIRE.parse:
        return this.#extended.parse(piece);
      case WIRE.bind:
        return this.#extended.bind(piece);
      case WIRE.describe:
        return this.#extended.describe(piece);
      case WIRE.execute:
        return this.#extended.execute(piece);
      case WIRE.close:
        return this.#extended.close(piece);
      case WIRE.sync:
        return this.#traceBatch(piece);
      case WIRE.functionCall:
        return this.#link.pass(piece, { kind: 'query', own: false });
      default:
        return this.#link.pass(piece);
    }
  }

  #traceQuery(bytes: Buffer): void {
    const traced = this.#simple.query(bytes);
    this.#query = traced
      ?.catch(() => void this.#client.destroy())
      .then(() => {
        this.#query = undefined;
      });
  }

  #traceBatch(piece: WireSplitter): void | Promise<void> {
    const traced = this.#extended.sync(piece);
    return (this.#batch = traced?.catch(() => void this.#client.destroy()));
  }

  /** The data of a COPY is for the query that waits for it; what comes earlier waits until the server asks for it. */
  #copy(piece: WireSplitter): void | Promise<void> {
    if (!this.#link.isInCopy && (this.#query !== undefined || !this.#link.isAnswered))
      return Promise.race([this.#query ?? this.#link.quiet(), this.#link.inCopy()]).then(() =>
        this.#take(piece),
      );
    if (piece.type !== WIRE.copyData) this.#link.endOfCopy();
    this.#link.pass(piece);
  }

  /** A message too great to be read still has its answer. */
  #unread(piece: WireSplitter): void {
    const { type, begins } = piece;
    if (begins && type === WIRE.bind) this.#extended.bound(piece);
    else if (begins) this.#run.markStale();
    const kind =
      type === WIRE.query ? 'query' : type === WIRE.parse ? 'parse' : type === WIRE.bind ? 'bind' : undefined;
    this.#link.pass(piece, begins && kind !== undefined ? { kind, own: false } : undefined);
  }
}

function parameterStatus([name, value]: readonly [string, string]): Buffer {
  return message(WIRE.parameterStatus, name, value);
}

function keyData({ pid, secretKey }: RawSession): Buffer {
  return message(0x4b, int32(pid), int32(secretKey));
}
