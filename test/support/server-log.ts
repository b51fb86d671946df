import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TestDatabase } from './database.js';

/** The lines of the server's log; none where that is no file of ours. */
export async function serverLog({ admin }: TestDatabase): Promise<readonly string[]> {
  const { rows } = await admin.query<{ data_directory: string }>('SHOW data_directory');
  const file = join(dirname(rows[0]!.data_directory), 'server.log');
  return existsSync(file) ? (await readFile(file, 'utf8')).split('\n') : [];
}

/** What the server has logged as errors of these backends. */
export async function errorsOf(
  database: TestDatabase,
  pids: ReadonlySet<number>,
): Promise<readonly string[]> {
  const ofThem = (line: string) => pids.has(Number(/\[(\d+)\]/.exec(line)?.[1]));
  return (await serverLog(database)).filter((line) => /ERROR|FATAL/.test(line) && ofThem(line));
}
