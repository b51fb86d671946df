import { versionOf } from '../harness/machine.mjs';

const FIXED_IDS = { label: 'nestjs-pglock', keeps: 'one connection for all' };

/** Who takes part. `package` is what must be installed; `fresh` locks another id each time, as requests do. */
const CANDIDATES = [
  { name: 'library', module: 'library', ours: true, mostTasks: 10_000, ...FIXED_IDS },
  {
    name: 'library-fresh',
    module: 'library',
    ours: true,
    mostTasks: 10_000,
    fresh: true,
    label: 'nestjs-pglock, a new id each time',
    keeps: 'one connection for all',
  },
  {
    name: 'pool',
    module: 'pool',
    label: 'by hand, a `pg` pool of 10',
    keeps: 'one connection a lock',
    mostTasks: 10_000,
  },
  {
    name: 'medusa',
    module: 'medusa',
    package: '@medusajs/locking-postgres',
    keeps: 'one connection a lock, in a transaction',
  },
  { name: 'pg-mutex-lock', module: 'pg-mutex-lock', package: 'pg-mutex-lock', keeps: 'one connection' },
  { name: 'verrou', module: 'verrou', package: '@verrou/core', keeps: 'none, a row a lock' },
  {
    name: 'advisory-lock',
    module: 'advisory-lock',
    package: 'advisory-lock',
    keeps: 'a new connection a lock',
  },
  { name: 'redlock', module: 'redlock', package: 'redlock', keeps: 'none, a key in Redis', needsRedis: true },
];

/** The reference that brackets every candidate. */
export const RAW = { name: 'raw', module: 'raw', label: '`pg`, one client, one statement after the other' };

/** The candidates that are installed, with their versions; redlock only where a Redis answers. */
export async function candidates({ withPeers, redis }) {
  const found = [];
  for (const candidate of CANDIDATES) {
    const { package: name, needsRedis = false, mostTasks = 1_000 } = candidate;
    if (name !== undefined && !withPeers) continue;
    if (needsRedis && redis === undefined) continue;
    const version = name === undefined ? undefined : await versionOf(name);
    if (name !== undefined && version === undefined) continue;
    const label = candidate.label ?? `\`${name}\` ${version}`;
    found.push({ ...candidate, label, version, mostTasks });
  }
  return found;
}
