import { startWorker } from '../harness/rounds.mjs';
import { summary } from '../harness/statistics.mjs';
import { FAILS, whyFailed } from '../report/failures.mjs';
import { ms } from '../report/figures.mjs';
import { open } from '../candidates/library.mjs';

/** Long enough that whoever asks stands in line, and that one who polls is not met just as it looks. */
const STANDS_WITHIN_MS = { least: 60, spread: 60 };

/** From the end of the work under a lock to the start of the next, which waited for it: here, and in another process. */
export async function run({ place, candidates, quick, say }) {
  const times = quick ? 4 : 40;
  const result = { same: await withinProcess(place, quick ? 20 : 200), across: {} };
  const each = candidates.filter(({ fresh }) => fresh !== true);
  for (const candidate of quick ? each.filter(({ ours }) => ours) : each) {
    say(candidate.name);
    result.across[candidate.name] = await acrossProcesses(candidate, place, times).catch((error) => ({
      failed: error.message,
    }));
  }
  return result;
}

async function withinProcess(place, times) {
  const { pglock, close } = await open(place);
  const taken = [];
  for (let i = 0; i < times; i++) {
    let release;
    let had;
    const isHad = new Promise((resolve) => (had = resolve));
    const first = pglock.advisory('hand-over', () => (had(), new Promise((resolve) => (release = resolve))));
    await isHad;
    let startedAt;
    const second = pglock.advisory('hand-over', () => void (startedAt = performance.now()));
    await new Promise((resolve) => setImmediate(resolve));
    const releasedAt = performance.now();
    release();
    await Promise.all([first, second]);
    taken.push(startedAt - releasedAt);
  }
  await close();
  return summary(taken);
}

async function acrossProcesses(candidate, place, times) {
  const workers = [await startWorker(candidate, place), await startWorker(candidate, place)];
  const taken = [];
  try {
    await workers[0].call('acquire', { id: 'hand-over' });
    for (let i = 0; i < times; i++) {
      const [holder, waiter] = i % 2 === 0 ? workers : workers.toReversed();
      await waiter.call('ask', { id: 'hand-over' });
      await new Promise((resolve) =>
        setTimeout(resolve, STANDS_WITHIN_MS.least + Math.random() * STANDS_WITHIN_MS.spread),
      );
      const released = holder.call('release', { id: 'hand-over' });
      const had = await waiter.call('acquired', { id: 'hand-over' });
      taken.push(had - (await released));
    }
    await workers[times % 2].call('release', { id: 'hand-over' }); // what is held is waited for at the end
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
  }
  return summary(taken);
}

export function tables({ same, across }, { candidates }) {
  const measured = candidates.filter(({ name }) => across[name] !== undefined);
  const isFailed = ({ name }) => across[name].failed !== undefined;
  const rows = measured.map((one) => [
    one.label,
    one.ours ? ms(same) : '',
    isFailed(one) ? FAILS : ms(across[one.name]),
  ]);
  const why = whyFailed(
    measured.filter(isFailed).map(({ name, label }) => ({ label, reason: across[name].failed })),
  );
  return [
    {
      title: 'Hand-over: from the end of one holder’s work to the start of the next',
      head: ['milliseconds, median (quartiles)', 'in one process', 'across processes'],
      rows,
      note: why === '' ? undefined : why,
    },
  ];
}
