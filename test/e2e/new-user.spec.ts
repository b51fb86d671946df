import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { useDatabase } from '../support/database.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

describe('somebody who has only README', () => {
  const db = useDatabase();

  it('makes new applications outside of the repository that do all of it', async () => {
    const env = { ...process.env, DATABASE_URL: db.url };
    const { stdout } = await run(process.execPath, ['scripts/new-user.mjs'], { cwd: ROOT, env });
    const kept = stdout.trim().split('\n');
    const promises = [
      '✓ nest new, and the packed library installed',
      "✓ README's quick start compiles",
      '✓ a job runs once on three replicas',
      '✓ a busy endpoint is 423, and another order is not',
      '✓ payments of one order, in transactions of TypeORM, go one after the other',
      '✓ payments of one order, in transactions of Drizzle, go one after the other',
      '✓ payments of one order, in transactions of Prisma, go one after the other',
      '✓ a migration gets through',
      '✓ a unit test needs no database',
    ];
    expect(kept.map((line) => line.replace(/ \(\d+ ms\)$/, ''))).toEqual([
      'Nest 12, ES modules',
      ...promises,
      'Nest 11, CommonJS, Jest',
      ...promises,
    ]);
  });
});
