import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { Sampler } from '../../dist/dashboard/sampling/sampler.js';
import { open } from '../candidates/library.mjs';
import { figure } from '../report/figures.mjs';

const PAGE = new URL('../../dist/page/', import.meta.url);
const WAITING = `SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()`;

/** What looking once a second costs the server, with sessions that do nothing and some that wait; and what the page weighs. */
export async function run({ place, quick }) {
  const [sessions, waiters, looks] = quick ? [40, 10, 20] : [180, 20, 200];
  const clients = [];
  const connect = async (name) => {
    const client = new pg.Client({ connectionString: place.url, application_name: name });
    client.on('error', () => undefined);
    await client.connect();
    clients.push(client);
    return client;
  };
  const { pglock, close } = await open(place);
  try {
    for (let i = 0; i < sessions - waiters; i++) await connect('idle');
    const holder = await connect('holder');
    await holder.query('SELECT pg_advisory_lock(1)');
    for (let i = 0; i < waiters; i++)
      (await connect('waiter')).query('SELECT pg_advisory_lock(1)').catch(() => undefined);
    while ((await holder.query(WAITING)).rows[0].waiting < waiters) await delay(10);
    return { sessions, waiters, busyMs: await busyPerLook(pglock, looks), page: weights() };
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
    await close();
  }
}

/** Milliseconds from the question to the answer: an upper bound of what one core of the server was busy with it. */
async function busyPerLook({ blocked, locks }, looks) {
  const observer = { query: async () => [{}] };
  const sampler = new Sampler({ blocked, locks, observer }, { sampled() {}, failed() {} });
  await sampler.look();
  const times = [];
  for (let look = 0; look < looks; look++) {
    const startedAt = performance.now();
    await sampler.look();
    times.push(performance.now() - startedAt);
  }
  return times.sort((one, other) => one - other)[Math.floor(times.length / 2)];
}

function weights() {
  return readdirSync(PAGE).reduce((sum, name) => sum + gzipSync(readFileSync(new URL(name, PAGE))).length, 0);
}

export function tables({ sessions, waiters, busyMs, page }) {
  return [
    {
      title: `The dashboard, with ${sessions} sessions and ${waiters} waiters`,
      head: ['', 'this run'],
      rows: [
        ['one look, milliseconds from question to answer (median)', figure(busyMs)],
        ['share of one core, looking once a second, at most', `${figure(busyMs / 10)} %`],
        ['the page, gzipped, kB', figure(page / 1000)],
      ],
    },
  ];
}
