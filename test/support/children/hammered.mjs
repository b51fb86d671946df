// One process that leads, or takes permits, under faults. What it sees while nothing is lost, it writes line by line, so that a
// SIGKILL loses nothing of it: `held <who> <time>`, on the machine's monotonic clock.
import { once } from 'node:events';
import { openSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { next, send } from '../child-process.mjs';
import { HAMMER_MUTANTS } from '../hammer-mutants.mjs';

const { createCore } = await import('../../../build/core/pg-lock-core.js');
const { resolveOptions } = await import('../../../build/options/resolve-options.js');
const { mode, name, file, database, sessions, permits, mutant } = JSON.parse(process.env.HAMMERED);
if (mutant) await HAMMER_MUTANTS[mutant]();
const core = createCore(resolveOptions({ connection: database, sessions }));
const history = openSync(file, 'a');
const now = () => Number(process.hrtime.bigint()) / 1e6;
const log = (event, who, more = '') => writeSync(history, `${event} ${who} ${now()} ${more}\n`);
let holds = 0;
/** For how long a permit is held: where there is one too many, so long that its holders meet, however slowly they are given. */
const MOST_MS = mutant === 'onePermitMore' ? 200 : 6;

/** Looks every few milliseconds, as long as whoever holds has no reason to doubt it. */
async function watch(held, untilMs, { signal }) {
  const who = `${name}.${++holds}`;
  const until = now() + untilMs;
  // A process that stood still over its lease before it came here never saw itself as a holder.
  if (held.held && !held.signal.aborted) log('begin', who, String(held.term ?? held.permit));
  while (held.held && !held.signal.aborted && now() < until && !signal.aborted) {
    log('held', who);
    await delay(3);
  }
  if (held.held && !held.signal.aborted) log('held', who);
  log('end', who);
  // A lead that is doubted, and not told to be lost yet: work that returned now would be finished for good.
  const over = AbortSignal.any([held.signal, signal]);
  if (held.term !== undefined && !over.aborted) await once(over, 'abort');
}

const stopping = new AbortController();
if (mode === 'lead')
  core.leaders.lead('hammer', { giveUpAfter: null }, (leadership) => {
    current = leadership;
    return watch(leadership, Infinity, stopping);
  });
let current;

async function takePermits() {
  while (!stopping.signal.aborted) {
    const from = now();
    try {
      const lock = await core.service.acquire('hammer', { permits, timeout: null, signal: stopping.signal });
      log('waited', name, String(now() - from));
      await watch(lock, Math.random() * MOST_MS, stopping);
      await lock.release();
    } catch {
      await delay(20); // the session is gone
    }
  }
}
const loops = mode === 'permits' ? Array.from({ length: 4 }, takePermits) : [];

process.on('SIGTERM', async () => {
  stopping.abort();
  await Promise.all(loops);
  await core.close();
  process.exit(0);
});
send('ready');
for (;;) {
  await next('resign');
  if (current?.held) {
    log('resign', name);
    void current.resign();
  }
}
