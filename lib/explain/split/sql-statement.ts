/** What a comment `-- pglock: allow H07 reason` says. @internal */
export interface AllowComment {
  /** Ids or names of hazards, as they were written. */
  readonly hazards: readonly string[];
  readonly line: number;
}

/** One statement of a file. @internal */
export interface SqlStatement {
  readonly file: string;
  /** Where it begins, comments before it left out; counted from 1. */
  readonly line: number;
  readonly column: number;
  /** Its text, without the semicolon. */
  readonly sql: string;
  /** The hazards that comments above it, in it, or behind it on its last line allow. */
  readonly allows: readonly AllowComment[];
}

/** A file, cut. @internal */
export interface SqlFile {
  readonly statements: readonly SqlStatement[];
  /** What comments at the head of the file allow, where a blank line separates them from the first statement. */
  readonly allows: readonly AllowComment[];
}
