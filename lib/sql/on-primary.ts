import type { Statement } from './statement.js';

/**
 * Before a statement that must run where locks are taken: pgpool-II does not send it to a standby, whatever its
 * `write_function_list` says. To everything else it is a comment.
 *
 * @see https://www.pgpool.net/docs/latest/en/html/runtime-config-load-balancing.html
 * @internal
 */
export const ON_PRIMARY = '/*NO LOAD BALANCE*/ ';

/** The statement, for the primary. @internal */
export function onPrimary<S extends Statement>(statement: S): S {
  return { ...statement, text: ON_PRIMARY + statement.text };
}
