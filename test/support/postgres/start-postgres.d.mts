/** A server to talk to. */
export interface PostgresServer {
  /** Connection string of a superuser, to the database `postgres` (or the one that `DATABASE_URL` names). */
  readonly url: string;
  /** Ends the server and removes its files; a server from `DATABASE_URL` is left alone. Safe to call twice. */
  stop(): Promise<void>;
}

/** A server that a test may pull the plug of. It keeps its port and its data until `stop()`. */
export interface OwnPostgresServer extends PostgresServer {
  readonly port: number;
  /** The postmaster's process id, or `undefined` while the server is down. */
  readonly pid: number | undefined;
  /** Starts a server that is down and waits until it accepts connections. */
  start(): Promise<void>;
  /** `fast` ends all sessions in an orderly way, `immediate` recovers as after a crash. */
  restart(mode?: 'fast' | 'immediate'): Promise<void>;
  /** SIGKILL for the postmaster and all its processes; `start()` brings the server back. */
  kill(): Promise<void>;
  /** A hot standby that streams from this server (PostgreSQL 15 and later; needs `wal_level` and `max_wal_senders`). */
  standby(settings?: Readonly<Record<string, string | number>>): Promise<OwnPostgresServer>;
  /** The server's log so far. */
  log(): Promise<string>;
}

/** How an own server differs from the shared one. */
export interface OwnPostgresOptions {
  readonly own: true;
  /** PostgreSQL major, default `PGLOCK_TEST_POSTGRES` or 18. */
  readonly major?: number;
  /** Server settings on top of the usual ones. */
  readonly settings?: Readonly<Record<string, string | number>>;
  readonly port?: number;
}

/** The server that tests, samples and benchmarks use: see start-postgres.mjs for the order of choice. */
export function startPostgres(options?: {
  readonly own?: false;
  readonly major?: number;
}): Promise<PostgresServer>;
export function startPostgres(options: OwnPostgresOptions): Promise<OwnPostgresServer>;
