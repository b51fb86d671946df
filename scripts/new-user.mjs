// node scripts/new-user.mjs: in an empty directory outside of the repository, after `nest new`, installs the packed library
// and does what README promises. DATABASE_URL names an empty database; else one is made on the server that tests use.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres } from '../test/support/postgres/start-postgres.mjs';
import { build, newApplication, ROOT, write } from './new-user/application.mjs';
import { PROMISES } from './new-user/promises.mjs';

async function timed(what, work) {
  const startedAt = performance.now();
  const result = await work();
  console.log(`✓ ${what} (${Math.round(performance.now() - startedAt)} ms)`);
  return result;
}

/** An empty database for as long as the work takes. */
async function withDatabase(work) {
  if (process.env.DATABASE_URL) return work(process.env.DATABASE_URL);
  const server = await startPostgres();
  const name = `pglock_new_user_${randomBytes(4).toString('hex')}`;
  const admin = new pg.Client(server.url);
  await admin.connect();
  try {
    await admin.query(`CREATE DATABASE ${name}`);
    const url = new URL(server.url);
    url.pathname = name;
    await work(url.href);
  } finally {
    await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await admin.end();
    await server.stop();
  }
}

if (!existsSync(join(ROOT, 'dist/index.js')))
  execFileSync('npm', ['run', 'build'], { cwd: ROOT, stdio: 'inherit' });
const application = await timed('nest new, and the packed library installed', newApplication);
try {
  await timed("README's quick start compiles", async () => {
    write(application.directory);
    await build(application.directory);
  });
  await withDatabase(async (url) => {
    for (const [promise, keep] of PROMISES)
      await timed(promise, () => keep({ directory: application.directory, url }));
  });
} finally {
  application.remove();
}
