import { listen } from '../sql/lock-session.js';
import type { Statement } from '../sql/statement.js';
import { isolated, Listeners } from '../vocabulary/listeners.js';
import type { LockSession } from './lock-session.js';
import { isPassing } from './reachability.js';
import type { OpenedMain, PeerNotification, PeerPort, Stop, TextRow } from './peer-port.js';

/** How long the next attempt waits after one that was refused for good, such as for a wrong password. */
const HOPELESS_PAUSE_MS = 10_000;

/** One who asked for the session to be kept open. */
interface Keeper {
  readonly onFailed: ((error: unknown) => void) | undefined;
}

/** Opens sessions, and knows those that are open. @internal */
export interface MainSessionHost {
  pids(): readonly number[];
  leaseMs(): number;
  /** Opens a session, after a growing pause where opening failed before. */
  open(): Promise<LockSession>;
  /** Whether no session is opened any more. */
  isClosed(): boolean;
}

/**
 * The *main* lock session of a process and database: on it all tries are made, most locks are held, and peers are listened
 * to. It is *absent* until it is asked for; then *opening*, which ends with `LISTEN` where there are listeners; then *open*
 * until it ends or is closed. While `keepOpen` is asked for, it is opened again whenever it is absent.
 *
 * @internal
 */
export class MainSession implements PeerPort {
  private session: LockSession | undefined;
  private opening: Promise<LockSession> | undefined;
  private opened: OpenedMain | undefined;
  private readonly channels = new Map<string, Listeners<[PeerNotification]>>();
  private readonly onOpened = new Listeners<[OpenedMain]>();
  private readonly onEnded = new Listeners<[OpenedMain, Error]>();
  private readonly onPids = new Listeners<[]>();
  private readonly keepers = new Set<Keeper>();
  /** The session that listens, also while it is being opened; and the answers to its `LISTEN`s. */
  private listener: LockSession | undefined;
  private listening: Promise<unknown> = Promise.resolve();

  constructor(private readonly host: MainSessionHost) {}

  /** The session where it is open already. */
  get open(): LockSession | undefined {
    return this.session;
  }

  get pids(): readonly number[] {
    return this.host.pids();
  }

  /** Whether the session is needed although nothing is asked of it at the moment. */
  get isKept(): boolean {
    return this.keepers.size > 0;
  }

  /** The session, opened where it is absent. */
  whenOpen(): Promise<LockSession> {
    if (this.session !== undefined) return Promise.resolve(this.session);
    this.opening ??= this.begin().finally(() => (this.opening = undefined));
    return this.opening;
  }

  /** Waits for a session that is being opened, whatever becomes of it. */
  async settled(): Promise<void> {
    await this.opening?.catch(() => undefined);
  }

  /** The session is over: nothing more is asked of it. */
  absent(): void {
    this.session = this.listener = undefined;
  }

  /** A session has ended, and those who held locks on it know. */
  ended({ facts }: LockSession, error: Error): void {
    const { opened } = this;
    if (opened?.pid !== facts.pid) return;
    this.opened = undefined;
    this.onEnded.tell(opened, error);
    this.reopen();
  }

  onNotification(channel: string, listener: (notification: PeerNotification) => void): Stop {
    const known = this.channels.get(channel);
    const listeners = known ?? new Listeners();
    const stop = listeners.add(listener);
    this.channels.set(channel, listeners);
    if (known === undefined && this.listener !== undefined) this.listen(this.listener, channel);
    return stop;
  }

  async whenListening(): Promise<OpenedMain> {
    const session = await this.whenOpen();
    await this.listening;
    return this.describe(session);
  }

  async runOnMain(statement: Statement): Promise<readonly TextRow[]> {
    const session = await this.whenOpen();
    const { rows } = await session.run({ ...statement, values: statement.values ?? [] });
    return rows;
  }

  onMainOpened(listener: (main: OpenedMain) => void): Stop {
    const { opened } = this;
    if (opened !== undefined) isolated(() => listener(opened));
    return this.onOpened.add(listener);
  }

  onMainEnded(listener: (main: OpenedMain, error: Error) => void): Stop {
    return this.onEnded.add(listener);
  }

  onPidsChanged(listener: () => void): Stop {
    return this.onPids.add(listener);
  }

  /** The sessions of this process are not the same as before. */
  pidsChanged(): void {
    this.onPids.tell();
  }

  keepOpen(onFailed?: (error: unknown) => void): Stop {
    const keeper: Keeper = { onFailed };
    this.keepers.add(keeper);
    this.session?.keepProcess(true);
    this.reopen();
    return () => {
      this.keepers.delete(keeper);
      this.session?.keepProcess(this.isKept);
    };
  }

  private async begin(): Promise<LockSession> {
    const session = await this.host.open();
    session.onNotification = ({ processId, channel, payload }) =>
      this.channels.get(channel)?.tell({ pid: processId, channel, payload: payload ?? '' });
    this.listener = session;
    this.listening = Promise.resolve();
    for (const channel of this.channels.keys()) this.listen(session, channel);
    await this.listening;
    if (session.endedBy !== undefined) throw session.endedBy;
    this.session = session;
    session.keepProcess(this.isKept);
    this.opened = this.describe(session);
    this.onOpened.tell(this.opened);
    return session;
  }

  private listen(session: LockSession, channel: string): void {
    const asked = session.read(listen(channel));
    this.listening = Promise.all([this.listening, asked]);
    this.listening.catch(() => undefined); // the session is over, and the next listens anew
  }

  private describe({ facts, trustMs }: LockSession): OpenedMain {
    const { pid, version, uptimeMs: serverUptimeMs } = facts;
    const leaseMs = version >= 140_000 ? this.host.leaseMs() : null;
    return { pid, trustMs, leaseMs, serverUptimeMs };
  }

  private reopen(): void {
    if (!this.isKept || this.session !== undefined || this.host.isClosed()) return;
    this.whenOpen().catch((error: unknown) => {
      for (const keeper of this.keepers) isolated(() => keeper.onFailed?.(error));
      // The host pauses before it opens again; what will not pass by itself is tried more seldom.
      if (isPassing(error)) this.reopen();
      else setTimeout(() => this.reopen(), HOPELESS_PAUSE_MS).unref();
    });
  }
}
