// One process of a starvation run: flows that want one id again and again, and note when they asked, got and released it.
import { setTimeout as delay } from 'node:timers/promises';
import { next, send } from '../child-process.mjs';
import { MUTANTS } from '../mutants.mjs';

const { createCore } = await import('../../../build/core/pg-lock-core.js');
const { resolveOptions } = await import('../../../build/options/resolve-options.js');
const now = () => Number(process.hrtime.bigint()) / 1e6;

const { database, number, mutant } = JSON.parse(process.env.STARVING);
const core = createCore(resolveOptions({ connection: database }));
if (mutant) await MUTANTS[mutant]({ core: () => core });
await core.service.advisory('warm', () => undefined);
send('ready');

const { id, ms, flows } = await next('run');
const turns = [];
/** How late a timer came at the worst: what this machine adds to everything. */
let lateMs = 0;
let dueAt = now() + 10;
const clock = setInterval(() => {
  lateMs = Math.max(lateMs, now() - dueAt);
  dueAt = now() + 10;
}, 10);

const until = now() + ms;
await Promise.all(flows.map(run));
clearInterval(clock);
send('turns', { turns, lateMs });
await core.close();
process.disconnect();

async function run({ writes, shortest, longest, restMs }) {
  await delay(Math.random() * restMs);
  while (now() < until) {
    const shared = Math.random() >= writes;
    const asked = now();
    const lock = await core.service.acquire(id, { timeout: null, shared, onContention: 'throw' });
    const got = now();
    await delay(shortest * (longest / shortest) ** Math.random());
    const released = now();
    await lock.release();
    turns.push({ process: number, asked, got, released, shared });
    await delay(Math.random() * restMs);
  }
}
