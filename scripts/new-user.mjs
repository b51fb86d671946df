// node scripts/new-user.mjs: in an empty directory outside of the repository, after `nest new`, installs the packed library
// and does what README promises, on Nest 12 and on Nest 11. The server is the one that tests use.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres } from '../test/support/postgres/start-postgres.mjs';
import { build, newApplication, ROOT, write } from './new-user/application.mjs';
import { PROMISES } from './new-user/promises.mjs';

const KINDS = [
  ['module', 'Nest 12, ES modules'],
  ['commonjs', 'Nest 11, CommonJS, Jest'],
];

async function timed(what, work) {
  const startedAt = performance.now();
  const result = await work();
  console.log(`✓ ${what} (${Math.round(performance.now() - startedAt)} ms)`);
  return result;
}

/** An empty database for as long as the work takes. */
async function withDatabase(server, work) {
  const name = `pglock_new_user_${randomBytes(4).toString('hex')}`;
  const admin = new pg.Client(server);
  await admin.connect();
  try {
    await admin.query(`CREATE DATABASE ${name}`);
    const url = new URL(server);
    url.pathname = name;
    await work(url.href);
  } finally {
    await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await admin.end();
  }
}

async function beNew(kind, server) {
  const application = await timed('nest new, and the packed library installed', () => newApplication(kind));
  try {
    await timed("README's quick start compiles", async () => {
      write(application);
      await build(application);
    });
    await withDatabase(server, async (url) => {
      for (const [promise, keep] of PROMISES) await timed(promise, () => keep({ ...application, url }));
    });
  } finally {
    application.remove();
  }
}

if (!existsSync(join(ROOT, 'dist/esm/index.js')))
  execFileSync('npm', ['run', 'build'], { cwd: ROOT, stdio: 'inherit' });
const server = await startPostgres();
try {
  for (const [kind, title] of KINDS) {
    console.log(title);
    await beNew(kind, server.url);
  }
} finally {
  await server.stop();
}
