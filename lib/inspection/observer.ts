import type { StatementRunner } from '../sql/statement.js';

/** The connection that inspection asks on: `ObserverSession`. Its rows hold the server's own text. @internal */
export interface Observer extends StatementRunner {
  /** `server_version_num`. */
  version(): Promise<number>;
}
