import pg from 'pg';
import type { Client } from 'pg';

/**
 * Runs a statement and drops its rows as they come, so that one with a great result takes no more memory than another.
 *
 * @internal
 */
export function runDiscardingRows(client: Client, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const query = new pg.Query({ text });
    query.on('row', () => undefined);
    query.once('error', reject);
    query.once('end', () => resolve());
    client.query(query);
  });
}
