import { startWorker } from '../harness/rounds.mjs';
import { fairness, summary } from '../harness/statistics.mjs';
import { figure, per } from '../report/figures.mjs';

/** Tasks in each replica, and the ids that all of them want. */
const TASKS = 8;
const IDS = ['a', 'b', 'c', 'd'];

/** Replicas that all want the same few ids: how much do they get done together, and does each get its share? */
export async function run({ place, candidates, quick, say }) {
  const numbers = quick ? [1, 2] : [1, 2, 4, 8, 16];
  const [msEach, times] = quick ? [500, 1] : [1_500, 3];
  const names = quick ? ['library'] : ['library', 'pool'];
  const results = {};
  for (const candidate of candidates.filter(({ name }) => names.includes(name))) {
    results[candidate.name] = [];
    for (const replicas of numbers) {
      say(`${candidate.name}, ${replicas} replicas`);
      results[candidate.name].push({
        replicas,
        ...(await measure(candidate, place, replicas, msEach, times)),
      });
    }
  }
  return results;
}

async function measure(candidate, place, replicas, ms, times) {
  const workers = await Promise.all(Array.from({ length: replicas }, () => startWorker(candidate, place)));
  try {
    const contend = (forMs) =>
      Promise.all(workers.map((worker) => worker.call('contend', { ids: IDS, tasks: TASKS, ms: forMs })));
    await contend(ms / 4);
    const runs = [];
    for (let i = 0; i < times; i++) {
      const counts = (await contend(ms)).map(({ count }) => count);
      const perSecond = (counts.reduce((a, b) => a + b, 0) / ms) * 1000;
      runs.push({ perSecond, fairness: fairness(counts), least: Math.min(...counts) / Math.max(...counts) });
    }
    return Object.fromEntries(
      ['perSecond', 'fairness', 'least'].map((key) => [key, summary(runs.map((one) => one[key]))]),
    );
  } catch (error) {
    return { failed: error.message };
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
  }
}

export function tables(results, { candidates }) {
  const names = Object.keys(results);
  const label = (name) => candidates.find((candidate) => candidate.name === name)?.label ?? name;
  const columns = results[names[0]].map(({ replicas }) => `${replicas}`);
  const row = (name, text, value) => [
    `${label(name)}: ${text}`,
    ...results[name].map((one) => (one.failed === undefined ? value(one) : 'fails')),
  ];
  return [
    {
      title: `Replicas (processes) of ${TASKS} tasks each that all want the same ${IDS.length} ids`,
      head: ['replicas', ...columns],
      rows: names.flatMap((name) => [
        row(name, 'locks a second, together', ({ perSecond }) => per(perSecond)),
        row(name, 'fairness (1 = all got the same)', (one) => figure(one.fairness.median)),
        row(name, 'the least replica against the most', ({ least }) => per(least)),
      ]),
      note: 'Fairness is Jain’s index over the replicas’ shares: 1 when all are equal, 1/n when one got everything.',
    },
  ];
}
