import { open } from '../candidates/library.mjs';
import { summary } from '../harness/statistics.mjs';
import { figure, per } from '../report/figures.mjs';

/** Everybody wants one id: how long until all of them had it, how many statements, and in what order? */
export async function run({ place, quick, rounds, say }) {
  const { pglock, statements, close } = await open(place);
  const results = [];
  for (const waiters of quick ? [100] : [100, 1_000, 2_000, 4_000]) {
    say(`${waiters} waiters`);
    const runs = [];
    for (let round = 0; round <= rounds; round++) runs.push(await drain(pglock, statements, waiters));
    const kept = runs.slice(1); // the first warms up
    results.push({
      waiters,
      ms: summary(kept.map(({ ms }) => ms)),
      statements: summary(kept.map((one) => one.statements)),
      inOrder: kept.every(({ inOrder }) => inOrder),
    });
  }
  await close();
  return results;
}

async function drain(pglock, statements, waiters) {
  const first = await pglock.acquire('one');
  const order = [];
  const all = Array.from({ length: waiters }, (_, index) =>
    pglock.advisory('one', async () => void order.push(index)),
  );
  await new Promise((resolve) => setImmediate(resolve));
  const [startedAt, sent] = [performance.now(), statements()];
  await first.release();
  await Promise.all(all);
  return {
    ms: performance.now() - startedAt,
    statements: statements() - sent,
    inOrder: order.every((value, index) => value === index),
  };
}

export function tables(results) {
  const row = (label, value) => [label, ...results.map(value)];
  return [
    {
      title: 'Waiters for one id in one process, until all have acquired it',
      head: ['waiters', ...results.map(({ waiters }) => figure(waiters))],
      rows: [
        row('milliseconds', ({ ms }) => per(ms)),
        row('microseconds a waiter', ({ ms, waiters }) => figure((ms.median / waiters) * 1000)),
        row('statements a hand-over', ({ statements, waiters }) => figure(statements.median / waiters)),
        row('in order of arrival', ({ inOrder }) => (inOrder ? 'yes' : 'no')),
      ],
    },
  ];
}
