import { rememberingTexts } from '../../vocabulary/recent-map.js';
import { statementsOfMessage } from '../split/split-statements.js';
import { tracedKind, type TracedKind } from './trace-statement.js';

/** Our statements are among those that these drop. */
const FORGETS = /\b(discard|deallocate)\b/i;
const SETS = /^\s*(begin|start|set)\b/i;
/** Snapshots of these are taken once, by the first statement that needs one: a look must not come before it. */
const ISOLATED = /\b(isolation|serializable|repeatable|deferrable|snapshot)\b/i;

/** What is known of the text of a statement, or of a message of several. @internal */
export class TracedText {
  /** As the report shows it. */
  readonly shown: string;
  readonly kind: TracedKind;
  /** Whether the session may lose statements that are prepared. */
  readonly forgets: boolean;
  /** Whether a transaction keeps one snapshot from there on. */
  readonly isolates: boolean;
  readonly #sql: string;
  #count: number | undefined;

  constructor(sql: string) {
    this.shown = sql.trim().replace(/;\s*$/, '');
    this.kind = tracedKind(sql);
    this.forgets = FORGETS.test(sql);
    this.isolates = SETS.test(sql) && ISOLATED.test(sql);
    this.#sql = sql;
  }

  /** How many statements it has; several where the server cannot read it. */
  get count(): number {
    return (this.#count ??= statementsOfMessage(this.#sql)?.length ?? 2);
  }
}

/** A tool sends the same few texts again and again, and each in several messages. @internal */
export const tracedText = rememberingTexts((sql) => new TracedText(sql));

/** What a portal runs that is not known. @internal */
export const NO_TEXT = new TracedText('');
