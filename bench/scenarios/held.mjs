import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { open } from '../candidates/library.mjs';
import { query } from '../harness/server.mjs';
import { figure } from '../report/figures.mjs';

const SESSIONS = `SELECT count(DISTINCT pid)::int AS sessions, count(*)::int AS locks FROM pg_locks
  WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/** Longer than the default heartbeat. */
const SILENT_AFTER_MS = { full: 3_000, quick: 100 };

/** Many locks held by one process, and nothing going on. */
export async function run({ place, quick, say }) {
  const count = quick ? 1_000 : 10_000;
  const times = { idleMs: quick ? 1_000 : 15_000, silentAfterMs: SILENT_AFTER_MS[quick ? 'quick' : 'full'] };
  const { pglock, statements, close } = await open(place);
  // Ids and code are known before, so that only handles are counted.
  const take = (ids) => Promise.all(ids.map((id) => pglock.acquire(id)));
  const ids = Array.from({ length: count }, (_, index) => `held:${index}`);
  await release(await take(ids));
  const before = heapUsed();
  const handles = await take(ids);
  const bytes = (heapUsed() - before) / count;
  const [{ sessions, locks }] = await query(place.url, SESSIONS);
  say(`${count} locks held, idle for ${times.idleMs / 1000} s`);
  const idle = await idleFor(times, statements);
  await release(handles);
  const single = await take(ids.slice(0, 1));
  const one = await idleFor(times, statements);
  await release(single);
  const empty = await idleFor(times, statements);
  await close();
  return { count, locks, sessions, bytes, idle, one, empty };
}

/** What a minute of doing nothing costs. Counted from statement to statement: how many fit into a time is a matter of luck. */
async function idleFor({ idleMs: ms, silentAfterMs }, statements) {
  await nextStatement(statements, silentAfterMs);
  const [cpu, sent, since] = [process.cpuUsage(), statements(), statements.lastAt];
  await pause(ms);
  const { user, system } = process.cpuUsage(cpu);
  const count = statements() - sent;
  return {
    cpuMsPerMinute: ((user + system) / 1000 / ms) * 60_000,
    statementsPerMinute: count === 0 ? 0 : (count / (statements.lastAt - since)) * 60_000,
  };
}

/** Until one is sent, or it is plain that none is: a process that holds nothing is silent. */
async function nextStatement(statements, withinMs) {
  const [seen, deadline] = [statements(), performance.now() + withinMs];
  while (statements() === seen && performance.now() < deadline) await pause(50);
}

async function release(handles) {
  await Promise.all(handles.map((handle) => handle.release()));
}

function heapUsed() {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  for (let i = 0; i < 4; i++) collect();
  return process.memoryUsage().heapUsed;
}

export function tables({ count, locks, sessions, bytes, idle, one, empty }) {
  const all = (name) => [idle, one, empty].map((state) => figure(state?.[name]));
  return [
    {
      title: `${figure(count)} locks held by one process, doing nothing`,
      head: ['', `${figure(count)} held`, 'one held', 'none held'],
      rows: [
        ['locks at the server', figure(locks), '1', '0'],
        ['connections that hold them', figure(sessions), '1', ''],
        ['heap a held handle, bytes', figure(bytes), '', ''],
        ['statements a minute', ...all('statementsPerMinute')],
        ['CPU a minute, ms', ...all('cpuMsPerMinute')],
      ],
    },
  ];
}
