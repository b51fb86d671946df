import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { expectNothingLeft } from './leaks.js';
import { sessionsSeenBy, waitForWaiter, type Session } from './sessions.js';
import type { EventuallyOptions } from './waiting.js';

export { describeSessions, sessionsSeenBy, waitForWaiter, type Session } from './sessions.js';
export {
  barrier,
  deferred,
  eventually,
  inOneOf,
  quickest,
  type Deferred,
  type EventuallyOptions,
} from './waiting.js';

type Cleanup = () => unknown;

export interface UseDatabaseOptions {
  /** Other than UTF-8. */
  readonly encoding?: 'LATIN1' | 'EUC_JP' | 'SQL_ASCII';
  /** SQL to run once in the new database. */
  readonly schema?: string;
  /**
   * Sessions that may outlive a test, such as those of an application that serves the whole file. They are
   * checked after the file instead, and may never keep an advisory lock between tests.
   */
  readonly mayStay?: (session: Session) => boolean;
}

/** A database of one spec file. Its fields are there from `beforeAll` on. */
export interface TestDatabase {
  readonly name: string;
  /** Connection string of a superuser, to this database. */
  readonly url: string;
  /** A superuser's connection to this database; the checks do not count it. */
  readonly admin: pg.Client;
  /** A new connection, closed after the test (or after the file, when opened in `beforeAll`). */
  connect(config?: pg.ClientConfig): Promise<pg.Client>;
  /**
   * A role that may log in, with a connection string for this database; dropped with the database.
   * `attributes` is SQL such as `IN ROLE pg_signal_backend`.
   */
  role(name: string, attributes?: string): Promise<{ readonly name: string; readonly url: string }>;
  /** The server's process id of a session. */
  pidOf(client: pg.ClientBase): number;
  /** Every session of this database but `admin`. */
  sessions(): Promise<Session[]>;
  /** Resolves when a session of this database waits for a lock: that pid, or that predicate. */
  waitForWaiter(
    which?: number | ((session: Session) => boolean),
    options?: EventuallyOptions,
  ): Promise<Session>;
  /**
   * Runs `cleanup` after the test (or the file, when called in `beforeAll`), last in first out, before the
   * connections are closed and the leak check looks. Close applications and pools here: hooks of the spec file
   * itself may come after the check.
   */
  defer(cleanup: Cleanup): void;
}

/**
 * Gives the spec file its own database, and fails every test that leaves a session or an advisory lock behind.
 * Call it once, at the top of the file.
 */
export function useDatabase(options: UseDatabaseOptions = {}): TestDatabase {
  const database = new OwnDatabase(options);
  beforeAll(() => database.create());
  beforeEach(() => database.beforeTest());
  afterEach(() => database.afterTest());
  afterAll(() => database.drop());
  return database;
}

class OwnDatabase implements TestDatabase {
  readonly name = `pglock_${randomBytes(6).toString('hex')}`;
  readonly url: string;
  admin!: pg.Client;
  readonly #options: UseDatabaseOptions;
  readonly #serverUrl = serverUrl();
  readonly #roles: string[] = [];
  readonly #fileCleanups: Cleanup[] = [];
  #testCleanups: Cleanup[] | undefined;
  #wereThere = new Set<number>();

  constructor(options: UseDatabaseOptions) {
    this.#options = options;
    this.url = withPart(this.#serverUrl, (url) => (url.pathname = `/${this.name}`));
  }

  async create(): Promise<void> {
    const { encoding } = this.#options;
    const encoded = encoding === undefined ? '' : ` ENCODING '${encoding}' LC_COLLATE 'C' LC_CTYPE 'C'`;
    await this.#onServer(`CREATE DATABASE ${this.name} TEMPLATE template0${encoded}`);
    this.admin = await open({ connectionString: this.url, application_name: 'pglock-test-admin' });
    if (this.#options.schema) await this.admin.query(this.#options.schema);
  }

  async beforeTest(): Promise<void> {
    this.#wereThere = new Set((await this.sessions()).map(({ pid }) => pid));
    this.#testCleanups = [];
  }

  async afterTest(): Promise<void> {
    const cleanups = this.#testCleanups ?? [];
    this.#testCleanups = undefined;
    const mayStay = (session: Session) =>
      this.#wereThere.has(session.pid) || (this.#options.mayStay?.(session) ?? false);
    await inTurn([() => expectNothingLeft(this.admin, { mayStay }), ...cleanups]);
  }

  async drop(): Promise<void> {
    const nothingLeft = () => expectNothingLeft(this.admin, { mayStay: () => false });
    await inTurn([() => this.#dropWithRoles(), () => this.admin.end(), nothingLeft, ...this.#fileCleanups]);
  }

  async connect(config: pg.ClientConfig = {}): Promise<pg.Client> {
    const client = await open({ connectionString: this.url, application_name: 'pglock-test', ...config });
    this.defer(() => client.end());
    return client;
  }

  async role(name: string, attributes = ''): Promise<{ readonly name: string; readonly url: string }> {
    const unique = `${this.name}_${name}`;
    await this.admin.query(`CREATE ROLE ${unique} LOGIN PASSWORD 'secret' ${attributes}`);
    this.#roles.push(unique);
    const url = withPart(this.url, (parts) => {
      parts.username = unique;
      parts.password = 'secret';
    });
    return { name: unique, url };
  }

  pidOf(client: pg.ClientBase): number {
    const { processID } = client as pg.ClientBase & { readonly processID?: number | null };
    if (typeof processID !== 'number') throw new Error('this client is not connected');
    return processID;
  }

  sessions(): Promise<Session[]> {
    return sessionsSeenBy(this.admin);
  }

  waitForWaiter(
    which?: number | ((session: Session) => boolean),
    options?: EventuallyOptions,
  ): Promise<Session> {
    return waitForWaiter(this.admin, which, options);
  }

  defer(cleanup: Cleanup): void {
    (this.#testCleanups ?? this.#fileCleanups).push(cleanup);
  }

  async #dropWithRoles(): Promise<void> {
    const roles = this.#roles.map((role) => `DROP ROLE ${role}`);
    await this.#onServer(`DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`, ...roles);
  }

  async #onServer(...statements: readonly string[]): Promise<void> {
    const client = await open({ connectionString: this.#serverUrl, application_name: 'pglock-test-admin' });
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  }
}

/** The server that the run shares: see test/support/global-setup.mjs. */
function serverUrl(): string {
  const url = process.env.PGLOCK_TEST_URL;
  if (!url) throw new Error('no PostgreSQL: this jest project has no globalSetup (see jest.config.mjs)');
  return url;
}

function withPart(url: string, change: (url: URL) => void): string {
  const parts = new URL(url);
  change(parts);
  return parts.href;
}

/** A client that survives being terminated: tests end sessions on purpose. */
async function open(config: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(config);
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Last in, first out. All run, whatever fails; the first failure is the one to report. */
async function inTurn(cleanups: readonly Cleanup[]): Promise<void> {
  const failures: unknown[] = [];
  for (const cleanup of cleanups.toReversed()) {
    try {
      await cleanup();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
