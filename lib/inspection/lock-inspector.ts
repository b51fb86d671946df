import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { hiddenSessions } from '../sql/inspection-doctor.js';
import { countRows, findRows, surveyRows, type RowQuery } from '../sql/inspection-query.js';
import type { SignalQuery } from '../sql/signal.js';
import { printable } from '../vocabulary/printable.js';
import { permissionError, readGrants } from './grants.js';
import type { LockNames, NameRegister } from './lock-names.js';
import type { LockQuery, SessionIdentity, SignalOptions } from './lock-query.js';
import type { Observer } from './observer.js';
import { isNarrow, resolveQuery, type QueryVocabulary } from './resolve-query.js';
import { Naming } from './names/naming.js';
import type { RegisteredNames } from './names/registered-names.js';
import { RowDecoder, unnamedKeys, type TextRow } from './row-decoder.js';
import type { SignalOutcome } from './signal-outcome.js';
import { OF_SUPERUSER, Signaller } from './signaller.js';
import type { LockSurvey } from './survey.js';
import type { SignalAction } from '../vocabulary/signal.js';

/** What inspection needs of one database. @internal */
export interface InspectionParts extends QueryVocabulary {
  readonly observer: Observer;
  readonly names: LockNames & NameRegister;
  /** The most rows that `find` gives where the question does not say. */
  readonly limit?: number | undefined;
  /** Names of others' advisory keys that an option gave. */
  readonly registered?: RegisteredNames;
}

/**
 * What `pglock.locks` and `pglock.blocked` have in common: they find, count and signal. Holds no state; every call sends one
 * statement on the module's own inspection connection, which is taken from no pool.
 *
 * @publicApi
 */
export abstract class LockInspector<Query extends LockQuery<object>, Model> {
  /** @internal */
  protected readonly parts: InspectionParts;
  /** @internal */
  protected abstract readonly source: RowQuery['source'];
  readonly #signaller: Signaller;
  readonly #naming: Naming;

  /** @internal */
  constructor(parts: InspectionParts) {
    this.parts = parts;
    this.#signaller = new Signaller(parts.observer, parts.names);
    this.#naming = new Naming(parts.observer);
  }

  /**
   * Finds the locks that match; the rows are frozen, a snapshot of one moment. Sends one `SELECT`.
   *
   * @throws {PgLockUsageError} when an attribute, an operator, a value or a saved query is unknown; before any SQL.
   */
  async find(query?: Query): Promise<readonly Model[]> {
    const rows = await this.rows(this.listing(query));
    const decoder = await this.decoderFor(rows);
    return Object.freeze(rows.map((row) => this.decode(decoder, row)));
  }

  /**
   * The locks that match, in the order in which an operator wants to know, and what of them is not shown.
   *
   * @internal
   */
  async survey(query: Query, { ownXacts }: { readonly ownXacts: boolean }): Promise<LockSurvey<Model>> {
    const { observer } = this.parts;
    const asked = this.listing(query);
    const orderBy = query.orderBy === undefined ? [] : asked.orderBy;
    const version = await observer.version();
    const rows = await observer.query<TextRow>(surveyRows({ ...asked, orderBy, ownXacts }, version));
    const [hidden] = await observer.query<{ count: string }>(hiddenSessions(asked.allDatabases));
    const decoder = await this.decoderFor(rows);
    return {
      rows: Object.freeze(rows.map((row) => this.decode(decoder, row))),
      total: Number(rows[0]?.['total'] ?? 0),
      hiddenSessions: Number(hidden?.count),
    };
  }

  /**
   * Counts the locks that match; ignores `limit` and `orderBy`. Sends one `SELECT`.
   *
   * @throws {PgLockUsageError} as for `find`.
   */
  async count(query?: Query): Promise<number> {
    return this.total(this.resolve(query));
  }

  /**
   * Cancels the running statement of every session that holds or awaits a lock that matches.
   *
   * Sends one statement: the query itself, and `pg_catalog.pg_cancel_backend(pid)` for each session found. Sessions of
   * this library that hold further locks are refused, and the outcome names those locks, unless `pids` contains the session.
   *
   * @returns the outcome for each session.
   * @throws {PgLockUsageError} when the query matches all locks, or contains anything unknown; before any SQL.
   * @throws {PermissionError} when none of the sessions may be signalled; the message contains the GRANT.
   * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SIGNAL
   */
  cancelActivity(query: Query & SignalOptions): Promise<readonly SignalOutcome[]> {
    return this.signalActivity('cancel', query);
  }

  /**
   * Ends every session that holds or awaits a lock that matches, its open transaction and all its locks with it.
   *
   * Sends one statement: the query itself, and `pg_catalog.pg_terminate_backend(pid)` for each session found. Sessions
   * of this library that hold further locks are refused, and the outcome names those locks, unless `pids` contains the session.
   *
   * @returns the outcome for each session.
   * @throws {PgLockUsageError} when the query matches all locks, or contains anything unknown; before any SQL.
   * @throws {PermissionError} when none of the sessions may be signalled; the message contains the GRANT.
   * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SIGNAL
   */
  terminateActivity(query: Query & SignalOptions): Promise<readonly SignalOutcome[]> {
    return this.signalActivity('terminate', query);
  }

  /** The rows that match, as the server sends them. @internal */
  protected async rows(query: RowQuery): Promise<readonly TextRow[]> {
    const version = await this.parts.observer.version();
    return this.parts.observer.query<TextRow>(findRows(query, version));
  }

  /** How many rows match. @internal */
  protected async total(query: RowQuery): Promise<number> {
    const version = await this.parts.observer.version();
    const [row] = await this.parts.observer.query<{ count: string }>(countRows(query, version));
    return Number(row?.count);
  }

  /** @internal */
  protected abstract decode(decoder: RowDecoder, row: TextRow): Model;

  /** Reads what names the advisory keys of these rows, where the application does not know them. @internal */
  protected async decoderFor(rows: readonly TextRow[]): Promise<RowDecoder> {
    const { names, registered } = this.parts;
    const facts = await this.#naming.factsFor(unnamedKeys(rows, names));
    return new RowDecoder(names, { facts, names: registered });
  }

  /** @internal */
  protected resolve(query: Query | undefined): RowQuery {
    const resolved = resolveQuery(this.source, query, this.parts);
    for (const id of query?.ids ?? []) this.parts.names.keyOf(id);
    return resolved;
  }

  /** @internal */
  protected listing(query: Query | undefined): RowQuery {
    const resolved = this.resolve(query);
    return { ...resolved, limit: resolved.limit ?? this.parts.limit };
  }

  /** @internal */
  protected async signal(
    action: SignalAction,
    side: SignalQuery['side'],
    query: RowQuery,
    { sessions, dryRun = false }: SignalOptions,
  ): Promise<readonly SignalOutcome[]> {
    const { outcomes } = await this.#signaller.signal({
      ...query,
      action,
      side,
      dryRun,
      otherDatabases: query.allDatabases,
      lockSessions: side === 'activity' && query.pids !== undefined,
      ...(sessions === undefined ? {} : { only: sessions.map(identityOf) }),
    });
    await this.#assertPermitted(outcomes);
    return outcomes;
  }

  private async signalActivity(
    action: SignalAction,
    query: (Query & SignalOptions) | undefined,
  ): Promise<readonly SignalOutcome[]> {
    const rowQuery = this.resolve(query);
    if (query === undefined || (!isNarrow(rowQuery) && query.sessions === undefined))
      throw new PgLockUsageError(
        `${action}Activity would ${action} every session of the database: give on, ids, pids, where, filters or sessions.`,
      );
    return this.signal(action, 'activity', rowQuery, query);
  }

  async #assertPermitted(outcomes: readonly SignalOutcome[]): Promise<void> {
    if (outcomes.length === 0 || outcomes.some(({ outcome }) => outcome !== 'notPermitted')) return;
    const grants = await readGrants(this.parts.observer);
    throw permissionError(
      grants,
      outcomes.map(({ pid }) => pid),
      { ofSuperuser: outcomes.every(({ reason }) => reason === OF_SUPERUSER) },
    );
  }
}

function identityOf({ pid, backendStartText }: SessionIdentity): { pid: number; backendStartText: string } {
  if (Number.isInteger(pid) && (backendStartText === null || typeof backendStartText === 'string'))
    return { pid, backendStartText: backendStartText ?? '' };
  throw new PgLockUsageError(`sessions must be activities as they were found; got ${printable({ pid })}.`);
}
