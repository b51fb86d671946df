import type { CustomTypesConfig } from 'pg';
import { isWaiting } from '../sql/waiting.js';

/** What is used of a `pg` client, also where another client sits on it. @internal */
export interface PgClient {
  query(config: object): Promise<unknown>;
  /** pg 8.20 and later. `I` idle, `T` in a transaction, `E` in a failed one, `null` not connected yet. */
  getTransactionStatus?(): 'I' | 'T' | 'E' | null;
  /** Of `pg-native`. */
  readonly native?: object;
  readonly connectionParameters?: { readonly query_timeout?: number | string | false };
}

/** Values as the server writes them, whatever parsers the application has set for its own. */
const AS_TEXT = { getTypeParser: () => (value: unknown) => value } as unknown as CustomTypesConfig;
/** The longest that a timer can be. @internal */
export const NEVER_MS = 2 ** 31 - 1;

/** The value, if it is a `pg` client: its own or that of `pg-native`, connected alone or of a pool. @internal */
export function asPgClient(value: unknown): PgClient | undefined {
  if (typeof value !== 'object' || value === null || !('query' in value) || 'totalCount' in value)
    return undefined;
  return 'escapeIdentifier' in value || 'native' in value ? (value as PgClient) : undefined;
}

/**
 * Sends one statement past every plugin of whatever sits on the client. Its `query_timeout` counts for statements that wait
 * for locks alone: it would take the others out of the queue unsent, a ROLLBACK among them.
 *
 * @internal
 */
export function queryPg(client: PgClient, text: string, values: readonly unknown[]): Promise<unknown> {
  const impatient = !isWaiting(text) && client.connectionParameters?.query_timeout;
  return client.query({
    text,
    ...(values.length === 0 ? {} : { values: [...values] }),
    types: AS_TEXT,
    ...(impatient ? { query_timeout: NEVER_MS } : {}),
  });
}

/** Whether a transaction is open on a `pg` client, where that knows. @internal */
export function isOpenOnPg(client: PgClient | undefined): boolean | undefined {
  if (typeof client?.getTransactionStatus !== 'function') return undefined;
  const status = client.getTransactionStatus();
  return status === 'T' || status === 'E';
}
