import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { inOneOf, useDatabase } from '../support/database.js';

const run = promisify(execFile);

describe('sample 04-migration', () => {
  const database = useDatabase();
  const sample = fileURLToPath(new URL('../../sample/04-migration', import.meta.url));

  beforeAll(() => run('npm', ['run', '--silent', 'build'], { cwd: sample }));

  it('fails behind an idle transaction, and goes through when it is prioritized', async () => {
    // It waits for a second, in which a machine that stands still neither looks nor terminates.
    await inOneOf(6, async () => {
      const { stdout, stderr } = await run(process.execPath, ['dist/main.js'], {
        cwd: sample,
        env: { ...process.env, DATABASE_URL: database.url },
      });
      expect({ stdout: stdout.split('\n'), stderr }).toEqual({
        stdout: [
          'Blocked by: forgotten console, idle in transaction: SELECT count(*) FROM customers',
          'Without prioritize: failed: canceling statement due to lock timeout',
          'With prioritize: went through, 1 session terminated',
          'The forgotten console: gone',
          '',
        ],
        stderr: '',
      });
    });
    const { rows } = await database.admin.query(
      `SELECT FROM pg_attribute WHERE attrelid = 'customers'::regclass AND attname = 'vip'`,
    );
    expect(rows).toHaveLength(1);
  });
});
