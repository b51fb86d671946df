/** The options of `pglock explain` as they are typed. @internal */
export interface ExplainFlags {
  readonly database?: string;
  readonly live?: string;
  readonly carryOut?: boolean;
  readonly rollback?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
  readonly markdown?: boolean;
  readonly safe?: boolean;
  readonly failOn?: readonly string[];
}
