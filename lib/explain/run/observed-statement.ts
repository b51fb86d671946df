import type { Observation } from '../observe/session-view.js';
import type { ExplainedError } from '../report.js';
import type { AllowComment } from '../split/sql-statement.js';

/** A statement with all that is known of it, before it is judged. @internal */
export interface ObservedStatement extends Observation {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly sql: string;
  readonly allows: readonly AllowComment[];
  readonly transactional: boolean;
  readonly carriedOut: boolean;
  readonly partial: boolean;
  readonly transaction: number;
  readonly durationMs: number;
  readonly error: ExplainedError | null;
  /** The limit under which the migration itself waits for locks; 0 is none, undefined is not known. */
  readonly lockTimeoutMs: number | undefined;
  /** Indexes that it left invalid. */
  readonly invalidIndexes?: readonly string[];
  /** Of these, those that could not be dropped again. */
  readonly leftIndexes?: readonly string[];
}
