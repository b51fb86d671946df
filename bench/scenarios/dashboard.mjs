import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { Sampler } from '../../build/dashboard/sampling/sampler.js';
import { open } from '../candidates/library.mjs';
import { figure } from '../report/figures.mjs';

const PAGE = new URL('../../dist/page/', import.meta.url);
const OBSERVER = `SELECT pid FROM pg_stat_activity WHERE application_name LIKE '%pglock:inspection' AND datname = current_database()`;
const WAITING = `SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()`;

/** What looking once a second costs the server, with sessions that do nothing and some that wait; and what the page weighs. */
export async function run({ place, quick }) {
  // A server of 200 connections keeps some for superusers, and some are ours.
  const [sessions, waiters, looks] = quick ? [40, 10, 50] : [190, 20, 1_000];
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
    return { sessions, waiters, ...(await costOfLooks(pglock, holder, looks)), page: weights() };
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
    await close();
  }
}

/**
 * What a look takes: of one core of the server, as its backend's CPU time says where the server is on this machine; and from the
 * question to the answer.
 */
async function costOfLooks({ blocked, locks }, client, looks) {
  const observer = { query: async () => [{}] };
  const sampler = new Sampler({ blocked, locks, observer }, { sampled() {}, failed() {} });
  await sampler.look();
  const { pid } = (await client.query(OBSERVER)).rows[0];
  const before = cpuMsOf(pid);
  const times = [];
  for (let look = 0; look < looks; look++) {
    const startedAt = performance.now();
    await sampler.look();
    times.push(performance.now() - startedAt);
  }
  const after = cpuMsOf(pid);
  const answerMs = times.sort((one, other) => one - other)[Math.floor(times.length / 2)];
  return { answerMs, cpuMs: before === undefined ? answerMs : (after - before) / looks };
}

/** User and system time of a process of this machine, in milliseconds; undefined where it is elsewhere. */
function cpuMsOf(pid) {
  try {
    const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13);
    return (Number(user) + Number(system)) * 10;
  } catch {
    return undefined;
  }
}

function weights() {
  return readdirSync(PAGE).reduce((sum, name) => sum + gzipSync(readFileSync(new URL(name, PAGE))).length, 0);
}

export function tables({ sessions, waiters, cpuMs, answerMs, page }) {
  return [
    {
      title: `The dashboard, with ${sessions} sessions and ${waiters} waiters`,
      head: ['', 'this run'],
      rows: [
        ['one look: CPU of the server, ms', figure(cpuMs)],
        ['share of one core, looking once a second', `${figure(cpuMs / 10)} % (goal: below 1 %)`],
        ['one look: from the question to the answer, ms (median)', figure(answerMs)],
        ['the page, gzipped, kB', `${figure(page / 1000)} (goal: at most 120)`],
      ],
    },
  ];
}
