import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type AddressInfo, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { openRawSession, rawTarget, type RawSession, type RawTarget } from '../../session/raw-session.js';
import type { PgLockConnection } from '../../session/session-options.js';
import { sqlStateOf } from '../../vocabulary/sqlstate.js';
import { readOpening, readPacket, startupMessage, type Opening, type StartTls } from './startup.js';
import { RollbackSession } from './rollback-session.js';
import type { TraceRun } from './trace-run.js';
import { TracedConnection } from './traced-connection.js';
import { errorMessage, int32, message, textAt } from './wire-message.js';

const AUTHENTICATION = 0x52;
const NEGOTIATE = 0x76;
const CONNECTION_REFUSED = '28P01';
const NO_SUCH_DATABASE = '3D000';

/**
 * Listens on loopback for the connections of a tool, and opens for each one to the server, under the credentials of that database. The
 * tool proves itself by a password made for this run, so that no other process on this machine comes in.
 *
 * @internal
 */
export class TraceServer {
  readonly password = randomBytes(18).toString('base64url');
  readonly target: RawTarget;
  readonly #database: PgLockConnection;
  readonly #run: TraceRun;
  readonly #startTls: StartTls;
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();
  readonly #keys = new Map<number, number>();
  readonly #running = new Set<Promise<void>>();

  constructor(database: PgLockConnection, run: TraceRun, startTls: StartTls) {
    this.#database = database;
    this.#run = run;
    this.#startTls = startTls;
    this.target = rawTarget(database);
    this.#server = createServer({ pauseOnConnect: false, noDelay: true }, (socket) => {
      const served = this.#serve(socket).catch(() => undefined);
      this.#running.add(served);
      void served.finally(() => this.#running.delete(served));
    });
  }

  /** @returns the port. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends what is open still, and waits until the server has been told. */
  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#running);
  }

  async #serve(socket: Duplex): Promise<void> {
    this.#sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
    try {
      const opening = await readOpening(socket, this.#startTls);
      if (opening.kind === 'cancel') await this.#cancel(opening);
      if (opening.kind === 'startup') await this.#converse(opening);
    } finally {
      socket.destroy();
    }
  }

  async #cancel({ pid, secretKey }: Extract<Opening, { kind: 'cancel' }>): Promise<void> {
    if (this.#keys.get(pid) === secretKey) await this.#run.cancel(pid);
  }

  async #converse({ stream, parameters, minor }: Extract<Opening, { kind: 'startup' }>): Promise<void> {
    const options = [...parameters.keys()].filter((name) => name.startsWith('_pq_.'));
    if (minor > 0 || options.length > 0)
      stream.write(message(NEGOTIATE, int32(3 << 16), int32(options.length), ...options));
    if (!(await this.#authenticated(stream, parameters.get('user') ?? ''))) return;
    if (!this.#isDatabase(stream, parameters.get('database') ?? this.target.user)) return;
    const kept = new Map([...parameters].filter(([name]) => !name.startsWith('_pq_.')));
    const session = await this.#connected(stream, kept);
    if (session === undefined) return;
    this.#keys.set(session.pid, session.secretKey);
    try {
      const connection = new TracedConnection(stream, session, this.#run);
      await connection.run([message(AUTHENTICATION, int32(0))]);
    } finally {
      this.#keys.delete(session.pid);
      session.stream.destroy();
    }
  }

  async #authenticated(stream: Duplex, user: string): Promise<boolean> {
    stream.write(message(AUTHENTICATION, int32(3)));
    const packet = await readPacket(stream, 1);
    if (packet === undefined) return false;
    const [given, expected] = [Buffer.from(textAt(packet, 5)[0]), Buffer.from(this.password)];
    const right = given.length === expected.length && timingSafeEqual(given, expected);
    if (right && user === this.target.user) return true;
    const text = right
      ? `role "${user}" is not the one of -d; the traced command has to connect as "${this.target.user}"`
      : 'the traced command has to connect with what DATABASE_URL and the PG* variables say';
    stream.end(errorMessage(CONNECTION_REFUSED, text, 'FATAL'));
    return false;
  }

  /** Statements are executed on the database of `-d`, and nowhere else. */
  #isDatabase(stream: Duplex, database: string): boolean {
    if (database === this.target.database) return true;
    const text = `database "${database}" is not the one of -d; the traced command is connected to "${this.target.database}" only`;
    stream.end(errorMessage(NO_SUCH_DATABASE, text, 'FATAL'));
    return false;
  }

  async #connected(stream: Duplex, parameters: ReadonlyMap<string, string>): Promise<RawSession | undefined> {
    try {
      const session = await openRawSession(this.#database, startupMessage(parameters));
      return await this.#rolledBack(session);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      stream.end(errorMessage(sqlStateOf(error) ?? '08001', text, 'FATAL'));
      return undefined;
    }
  }

  /** The session as it is, or one that commits nothing. */
  async #rolledBack(session: RawSession): Promise<RawSession> {
    const { rollback } = this.#run;
    if (rollback === undefined) return session;
    const stream = new RollbackSession(session.stream, rollback, session.pid);
    await stream.begin();
    return { ...session, stream };
  }
}
