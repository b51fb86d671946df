/** What an operator is shown of locks. @internal */
export interface LockSurvey<Model> {
  /** The culprit first, at most as many as asked for. */
  readonly rows: readonly Model[];
  /** How many match. */
  readonly total: number;
  /** How many sessions the connected role may not see. */
  readonly hiddenSessions: number;
}
