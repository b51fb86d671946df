import { RAW } from '../candidates/index.mjs';
import { Remote } from './remote.mjs';
import { summary } from './statistics.mjs';

const WORKER = new URL('../candidates/worker.mjs', import.meta.url);
const GIVEN_UP_AFTER_MS = 40_000;

/** Starts a candidate's process. */
export function startWorker(candidate, { url, redis, options, execArgv }) {
  return Remote.start(WORKER, { args: [JSON.stringify({ candidate, url, redis, options })], execArgv });
}

/**
 * Candidates against the reference, interleaved: in every round each candidate runs once, the reference before and after
 * it, so that what else the machine does in that moment hits both. What counts is the ratio to those two neighbours.
 */
export class Rounds {
  #place;
  #raw;
  #workers = new Map();

  constructor(place) {
    this.#place = place;
  }

  /** Measures one number of tasks; the candidates' processes stay for the next number. */
  async run(candidates, { tasks, rounds, ms, say }) {
    this.#raw ??= await startWorker(RAW, this.#place);
    const results = new Map(candidates.map(({ name }) => [name, { ratios: [], samples: [] }]));
    const raws = [];
    await this.#rawSpeed(ms.raw);
    for (let round = 0; round < rounds; round++) {
      say(`round ${round + 1} of ${rounds}`);
      let before = await this.#rawSpeed(ms.raw);
      raws.push(before);
      for (const candidate of rotated(candidates, round)) {
        const result = results.get(candidate.name);
        if (result.failed !== undefined) continue;
        try {
          const sample = await this.#sample(candidate, tasks, ms.candidate);
          const after = await this.#rawSpeed(ms.raw);
          result.samples.push(sample);
          result.ratios.push(sample.perSecond / ((before + after) / 2));
          before = after;
        } catch (error) {
          result.failed = error.message;
          await this.#forget(candidate);
        }
      }
    }
    return { tasks, raw: summary(raws), candidates: Object.fromEntries(shown(results)) };
  }

  /** What a statement costs here, in milliseconds. */
  async roundTripMs() {
    this.#raw ??= await startWorker(RAW, this.#place);
    return summary(await this.#raw.call('roundTrips', { count: 200 })).median;
  }

  async close() {
    await Promise.all([this.#raw, ...this.#workers.values()].map((worker) => worker?.stop()));
  }

  async #rawSpeed(ms) {
    return (await this.#raw.call('throughput', { tasks: 1, ms })).perSecond;
  }

  async #sample(candidate, tasks, ms) {
    let worker = this.#workers.get(candidate.name);
    if (worker === undefined) {
      worker = await startWorker(candidate, this.#place);
      this.#workers.set(candidate.name, worker);
      // Once for nothing: connections are opened and the compiler has seen the code.
      await worker.call('throughput', { tasks: Math.min(tasks, 100), ms: 2 * ms }, GIVEN_UP_AFTER_MS);
    }
    return worker.call('throughput', { tasks, ms }, GIVEN_UP_AFTER_MS);
  }

  async #forget(candidate) {
    await this.#workers.get(candidate.name)?.stop();
    this.#workers.delete(candidate.name);
  }
}

function rotated(list, by) {
  const at = by % Math.max(1, list.length);
  return [...list.slice(at), ...list.slice(0, at)];
}

function shown(results) {
  return [...results].map(([name, { ratios, samples, failed }]) => {
    if (failed !== undefined) return [name, { failed }];
    const of = (figure) =>
      summary(samples.map((sample) => sample[figure]).filter((value) => value !== undefined));
    return [
      name,
      {
        ratio: summary(ratios),
        perSecond: of('perSecond'),
        cpuMicros: of('cpuMicros'),
        statementsPerLock: of('statementsPerLock'),
      },
    ];
  });
}
