import { PgLockUsageError } from '../../errors/pg-lock-usage.error.js';
import { listedAttributes } from '../../inspection/listed-attributes.js';
import type { LockQuery } from '../../inspection/lock-query.js';
import { limitOf } from '../../inspection/resolve-query.js';
import type { LockId } from '../../vocabulary/lock-id.js';
import { lockIdOf } from '../../vocabulary/lock-key-text.js';
import { printable } from '../../vocabulary/printable.js';
import type { PgLockCliConfig, SavedCliQuery } from '../config.js';
import { CliError, EXIT } from '../exit.js';

/** The options of a listing as they are typed. @internal */
export interface ListFlags {
  readonly filter?: readonly string[];
  readonly on?: readonly string[];
  readonly id?: readonly string[];
  readonly attribute?: readonly string[];
  readonly sort?: readonly string[];
  readonly limit?: string;
  readonly expanded?: boolean;
  readonly blocking?: boolean;
  readonly config?: string;
  readonly database?: string;
  readonly cancel?: boolean;
  readonly terminate?: boolean;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly allDatabases?: boolean;
  readonly all?: boolean;
}

/** What a listing shows and does. @internal */
export interface ListPlan {
  readonly blocking: boolean;
  readonly query: LockQuery<object>;
  /** The columns that were asked for; undefined means the usual ones. */
  readonly chosen: readonly string[] | undefined;
  /** The columns that the settings say; undefined means ours. */
  readonly usual: readonly string[] | undefined;
  /** Sessions' locks on their own transaction ids as well. */
  readonly ownXacts: boolean;
  /** The most rows of a listing; signals have no limit but one that is given. */
  readonly limit: number;
  readonly expanded: boolean;
  readonly action: 'cancel' | 'terminate' | undefined;
  readonly yes: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly ids: readonly LockId[];
}

const LIMIT = 25;

/**
 * Puts together what was typed, the saved configuration and the settings: the first goes before the second, the second before
 * the third.
 *
 * @throws {PgLockUsageError} when something is unknown or contradicts something else.
 * @internal
 */
export function planListing(
  pids: readonly string[],
  flags: ListFlags,
  saved: SavedCliQuery,
  config: PgLockCliConfig,
): ListPlan {
  const blocking = flags.blocking ?? saved.blocking ?? false;
  const chosen = flags.attribute ?? saved.attributes;
  const usual = blocking ? config.blockingAttributes : config.attributes;
  assertAttributes(chosen ?? usual ?? [], blocking);
  const ids = flags.id?.map(lockIdOf) ?? saved.ids ?? [];
  return {
    blocking,
    query: questionOf(pids, flags, saved, ids),
    chosen,
    usual,
    ownXacts: (flags.all ?? false) || asksForTypes(flags.filter ?? saved.filters, saved.where),
    limit: limitOf(typedLimit(flags.limit) ?? saved.limit ?? config.limit ?? LIMIT),
    expanded: flags.expanded ?? saved.expanded ?? false,
    action: actionOf(flags, saved),
    yes: flags.yes ?? saved.yes ?? false,
    dryRun: flags.dryRun ?? saved.dryRun ?? false,
    json: flags.json ?? saved.json ?? false,
    ids,
  };
}

/** A question that says which types of locks it means leaves nothing out. */
function asksForTypes(filters: readonly string[] = [], where: object = {}): boolean {
  return 'type' in where || filters.some((filter) => /^\s*(type|transactionId)\b/.test(filter));
}

function questionOf(
  pids: readonly string[],
  flags: ListFlags,
  saved: SavedCliQuery,
  ids: readonly LockId[],
): LockQuery<object> {
  const { on = saved.on, filter = saved.filters, sort = saved.orderBy } = flags;
  const wanted = pids.length > 0 ? pids.map(typedPid) : saved.pids;
  const limit = typedLimit(flags.limit) ?? saved.limit;
  return {
    ...(on === undefined ? {} : { on }),
    ...(ids.length === 0 ? {} : { ids }),
    ...(wanted === undefined ? {} : { pids: wanted }),
    ...(saved.where === undefined ? {} : { where: saved.where }),
    ...(filter === undefined ? {} : { filters: filter }),
    ...(sort === undefined ? {} : { orderBy: sort }),
    ...(limit === undefined ? {} : { limit: limitOf(limit) }),
    allDatabases: flags.allDatabases ?? saved.allDatabases ?? false,
  };
}

function actionOf(flags: ListFlags, saved: SavedCliQuery): ListPlan['action'] {
  const typed = flags.cancel !== undefined || flags.terminate !== undefined;
  const { cancel, terminate } = typed ? flags : saved;
  if (cancel && terminate) throw new CliError(EXIT.usage, 'Give either --cancel or --terminate.');
  if (cancel) return 'cancel';
  return terminate ? 'terminate' : undefined;
}

function assertAttributes(attributes: readonly string[], blocking: boolean): void {
  const known = listedAttributes(blocking ? 'blocked' : 'locks');
  const stranger = attributes.find((path) => !known.includes(path));
  if (stranger === undefined) return;
  throw new PgLockUsageError(`There is no attribute ${printable(stranger)}. There are: ${known.join(', ')}.`);
}

function typedPid(text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new CliError(
    EXIT.usage,
    `${printable(text)} is neither a process id nor a command. See pglock --help.`,
  );
}

function typedLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^-?\d+$/.test(text)) return Number(text);
  throw new CliError(EXIT.usage, `limit must be a whole number of at least 1; got ${printable(text)}.`);
}
