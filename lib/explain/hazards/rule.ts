import { stops } from '../observe/lock-strength.js';
import type { ForeignKey } from '../observe/session-view.js';
import type { ExplainedLock } from '../report.js';
import type { ObservedStatement } from '../run/observed-statement.js';
import { commandOf, sqlWords } from '../split/sql-words.js';
import { alterTable, type AlterAction, type AlterTable } from './alter-table.js';
import type { HazardName } from './hazard-names.js';
import { WordCursor } from './word-cursor.js';

/** What a rule found. @internal */
export interface Found {
  readonly name: HazardName;
  readonly title: string;
  readonly remedy: string;
}

/** A statement, with what rules ask of it. @internal */
export interface Judged {
  readonly statement: ObservedStatement;
  /** `ALTER TABLE`. */
  readonly command: string;
  readonly alter: AlterTable | undefined;
  /** The statements of the same transaction before it. */
  readonly earlier: readonly ObservedStatement[];
  /** All statements of the run before it. */
  readonly run: readonly ObservedStatement[];
  /** The statements of the same transaction after it. */
  readonly later: readonly ObservedStatement[];
  /** Newly taken, on relations that other sessions see. */
  readonly locks: readonly ExplainedLock[];
  /** Of these, the ones that stop reads or writes of a table or view. */
  readonly taking: readonly ExplainedLock[];
  /** These, and such locks of relations it names that the transaction held before. */
  readonly stopping: readonly ExplainedLock[];
}

/** Looks at one statement. @internal */
export type Rule = (judged: Judged) => Found | readonly Found[] | undefined;

/** What stands before a statement is looked up where a rule asks for it: runs may be long. @internal */
export function judged(all: readonly ObservedStatement[], index: number): Judged {
  const statement = all[index] as ObservedStatement;
  const locks = statement.locks.filter(({ created }) => created !== true);
  const taking = locks.filter(stopsTable);
  const held = statement.heldBefore.filter((lock) => stopsTable(lock) && names(statement.sql, lock.relation));
  const command = commandOf(statement.sql);
  return {
    statement,
    command,
    alter: command.startsWith('ALTER') ? alterTable(statement.sql) : undefined,
    get run() {
      return all.slice(0, index);
    },
    get earlier() {
      return this.run.filter(({ transaction }) => transaction === statement.transaction);
    },
    get later() {
      return all.slice(index + 1).filter(({ transaction }) => transaction === statement.transaction);
    },
    locks,
    taking,
    stopping: [
      ...taking,
      ...held.filter(({ relation }) => !taking.some((lock) => lock.relation === relation)),
    ],
  };
}

const NO_TABLES: ReadonlySet<string> = new Set(['index', 'partitioned index', 'sequence', 'composite type']);

/** Whether a lock makes reads or writes of a table wait. @internal */
export function stopsTable({ mode, kind, created }: ExplainedLock): boolean {
  return created !== true && stops(mode) !== undefined && !NO_TABLES.has(kind);
}

/** The actions of one kind. @internal */
export function actionsOf({ alter }: Judged, kind: AlterAction['kind']): readonly AlterAction[] {
  return alter?.actions.filter((action) => action.kind === kind) ?? [];
}

/** `public.orders, public.items`. @internal */
export function namesOf(locks: readonly Pick<ExplainedLock, 'relation'>[]): string {
  return [...new Set(locks.map(({ relation }) => relation))].join(', ');
}

/** "is" of one, "are" of several. @internal */
export function isOrAre(locks: readonly Pick<ExplainedLock, 'relation'>[]): string {
  return new Set(locks.map(({ relation }) => relation)).size === 1 ? 'is' : 'are';
}

/** Whether the altered table is partitioned, so that it is its partitions that are read and written. @internal */
export function altersPartitioned({ alter, stopping }: Judged): boolean {
  return stopping.some(({ kind, relation }) => kind === 'partitioned table' && isAltered(alter, relation));
}

/** Whether it is the relation that is altered. @internal */
export function isAltered(alter: AlterTable | undefined, relation: string): boolean {
  return alter !== undefined && names(`SELECT ${alter.table}`, relation);
}

/** Whether a statement makes a partition. @internal */
export function makesPartition({ command, statement }: Judged): boolean {
  return command.startsWith('CREATE') && /\bpartition\s+of\b/i.test(statement.sql);
}

/** The statements that add the columns that a definition names and that the same ALTER TABLE adds. @internal */
export function columnsOf(judged: Judged, definition: string): readonly string[] {
  return actionsOf(judged, 'add column')
    .filter(({ name }) => names(`SELECT ${definition}`, name))
    .map(({ name, rest }) => `ALTER TABLE ${judged.alter?.table ?? ''} ADD COLUMN ${name} ${rest};`);
}

/** The foreign keys between what a statement names and another table. @internal */
export function keysBetween(
  { sql, foreignKeys = [] }: ObservedStatement,
  relation: string,
): readonly ForeignKey[] {
  return foreignKeys.filter(
    ({ table, references }) =>
      (references === relation && names(sql, table)) || (table === relation && names(sql, references)),
  );
}

/** What waits for it: "reads and writes of public.orders". @internal */
export function waitingFor(locks: readonly ExplainedLock[]): string {
  const [first] = locks;
  return `${(first && stops(first.mode)) ?? 'other DDL'} of ${namesOf(locks)}`;
}

/** Whether the text of a statement names a relation. @internal */
export function names(sql: string, relation: string): boolean {
  const last = unquoted(lastPart(relation));
  return sqlWords(sql).some(
    ({ kind, text }) => (kind === 'word' || kind === 'name') && unquoted(text) === last,
  );
}

/** Whether one of these statements makes a view of that name. @internal */
export function makesView(statements: readonly ObservedStatement[], name: string): boolean {
  const wanted = unquoted(lastPart(name));
  return statements.some(({ sql, error }) => {
    const cursor = new WordCursor(sql);
    if (error !== null || !cursor.takes('create')) return false;
    cursor.skips('or replace');
    return cursor.takes('view') && unquoted(lastPart(cursor.name())) === wanted;
  });
}

/** The name without its schema, as it was quoted. @internal */
export function lastPart(relation: string): string {
  return /(?:"(?:[^"]|"")*"|[^."]+)$/.exec(relation)?.[0] ?? relation;
}

/** @internal */
export function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}

/** A name made of others, such as `orders_total_check`. @internal */
export function madeName(...parts: readonly string[]): string {
  const name = parts.map((part) => unquoted(lastPart(part))).join('_');
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** Statements, one a line. @internal */
export function lines(...texts: readonly string[]): string {
  return texts.join('\n');
}
