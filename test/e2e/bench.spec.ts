import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { useDatabase } from '../support/database.js';

const BENCH = fileURLToPath(new URL('../../bench/main.mjs', import.meta.url));
const run = promisify(execFile);

describe('npm run bench', () => {
  const database = useDatabase();

  it('runs in its short form, and prints every table', async () => {
    const { stdout } = await run(process.execPath, [BENCH, '--quick'], {
      env: { ...process.env, DATABASE_URL: database.url },
    });
    for (const title of [
      'Acquire and release, next to the server',
      'The same, 2 ms away from the server',
      'What a lock costs',
      'Hand-over',
      'HTTP on Fastify and Express',
      'jobs of one replica tick at once',
      'A tick of 4 replicas',
      'Waiters for one id',
      'Replicas (processes)',
      'Fairness: one id',
      'A fleet of',
      'to the first lock',
      'xact: true }',
      'locks held by one process',
      'Who blocks whom',
      'How long the command takes to start',
      'Asked and reached',
    ])
      expect(stdout).toContain(title);
    expect(stdout).not.toMatch(/fails|NaN|undefined/);
  });
});
