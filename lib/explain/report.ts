import type { LockMode } from '../vocabulary/lock-mode.js';

/** How much a finding matters. @publicApi */
export type FindingSeverity = 'info' | 'warning' | 'danger';

/** One hazard of a statement, with what to do instead. @publicApi */
export interface ExplainFinding {
  /** Stable: `H07`. */
  readonly id: string;
  /** Stable, in kebab-case: `index-not-concurrent`. What `failOn` and `-- pglock: allow` take. */
  readonly name: string;
  /** What `failOn` takes as well: a severity means those from it on. */
  readonly severity: FindingSeverity;
  /** What happens, on which relation. */
  readonly title: string;
  /** The safer statements for this relation, or what else to do. */
  readonly remedy: string;
}

/** A lock that a statement took, or found itself holding. @publicApi */
export interface ExplainedLock {
  /** With its schema, quoted where SQL would need it: `public.orders`. */
  readonly relation: string;
  /** `table`, `index`, `view`, `sequence`, `materialized view`, `partitioned table`, … */
  readonly kind: string;
  /** The strongest that was taken. */
  readonly mode: LockMode;
  /** What statements of other sessions wait meanwhile: `SELECT`, `INSERT`, … */
  readonly blocks: readonly string[];
  /** Made in the same transaction, so that no other session can wait for it. */
  readonly created?: true;
}

/** Why a statement failed. @publicApi */
export interface ExplainedError {
  /** The SQLSTATE. */
  readonly code: string;
  /** The server's message. */
  readonly message: string;
  /** Where in the file, where the server has said it. */
  readonly line?: number;
  /** The column of that line, from 1. */
  readonly column?: number;
}

/** What one statement did. @publicApi */
export interface ExplainedStatement {
  /** The file, or the command that sent it. */
  readonly file: string;
  /** Where in the file it begins, from 1; of a command, the how-manieth statement it is. */
  readonly line: number;
  /** The column where it begins, from 1. */
  readonly column: number;
  /** The statement as it was sent. */
  readonly sql: string;
  /** False for what cannot run in a transaction. */
  readonly transactional: boolean;
  /** It was committed: it cannot run in a transaction, or what follows it cannot. */
  readonly carriedOut: boolean;
  /** Not everything could be seen: it was sampled while it ran, or not looked at. */
  readonly partial: boolean;
  /** Statements of one transaction have the same number. */
  readonly transaction: number;
  /** How long the server took, in milliseconds. */
  readonly durationMs: number;
  /** Why it failed; null where it did not. */
  readonly error: ExplainedError | null;
  /** Locks newly taken. */
  readonly locks: readonly ExplainedLock[];
  /** Locks that its transaction held before. */
  readonly heldBefore: readonly ExplainedLock[];
  /** Tables and indexes that were given a new file. */
  readonly rewrites: readonly string[];
  /** Tables that were read from end to end. */
  readonly scans: readonly string[];
  /** The hazards found, but for those that a comment allows. */
  readonly findings: readonly ExplainFinding[];
}

/** A session that holds, or waits for, a lock that would conflict. @publicApi */
export interface LiveSession {
  /** The process id of its backend. */
  readonly pid: number;
  /** Its `application_name`. */
  readonly applicationName: string;
  /** Its role. */
  readonly user: string;
  /** Its state, as `pg_stat_activity` has it. */
  readonly state: string;
  /** How long its transaction has been open. */
  readonly ageMs: number;
  /** The mode that it holds or waits for. */
  readonly mode: LockMode;
}

/** One relation of the run, as it is on the live database. @publicApi */
export interface LiveRelation {
  /** With its schema. */
  readonly relation: string;
  /** The strongest lock that the run takes on it. */
  readonly mode: LockMode;
  /** Its size with indexes and TOAST, as of the last VACUUM or ANALYZE; null where there is no such relation. */
  readonly bytes: number | null;
  /** The estimated number of rows. */
  readonly rows: number | null;
  /** Scans of the table and its indexes a second, on average since the statistics were reset. */
  readonly scansPerSecond: number | null;
  /** The age of the oldest transaction of the database. */
  readonly oldestXactAgeMs: number | null;
  /** An autovacuum that prevents wraparound is at work on it, and does not give way. */
  readonly wraparoundVacuum: boolean;
  /** Sessions whose locks conflict with the run's. */
  readonly conflicting: readonly LiveSession[];
  /** One sentence. */
  readonly verdict: string;
}

/** What it comes to. @publicApi */
export interface ExplainSummary {
  /** How many statements there were. */
  readonly statements: number;
  /** The strongest mode taken on a relation that other sessions can see. */
  readonly strongest: LockMode | null;
  /** How long a lock that stops reads or writes was held at the most. */
  readonly longestHeldMs: number;
  /** How many hazards were found. */
  readonly findings: number;
}

/** What `explainMigration()` gives, and `pglock explain --json` prints. @publicApi */
export interface ExplainReport {
  /** Of this shape. */
  readonly version: 1;
  /** In the order in which they ran. */
  readonly statements: readonly ExplainedStatement[];
  /** The relations on the live database; null without one. */
  readonly live: readonly LiveRelation[] | null;
  /** What it comes to. */
  readonly summary: ExplainSummary;
}
