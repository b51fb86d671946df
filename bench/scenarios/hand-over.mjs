import { setTimeout as pause } from 'node:timers/promises';
import { startWorker } from '../harness/rounds.mjs';
import { summary } from '../harness/statistics.mjs';
import { FAILS, whyFailed } from '../report/failures.mjs';
import { ms, ratio } from '../report/figures.mjs';
import { open } from '../candidates/library.mjs';

/** Long enough that each asker is queued, and that one which polls is not met just as it looks. */
const STANDS_WITHIN_MS = { least: 40, spread: 60 };
/** The candidate that the others are compared with: `pg_advisory_lock` on a connection of a pool. */
const HAND = 'pool';

/** From the end of the work under a lock to the start of the next, which waited for it: here, and in another process. */
export async function run({ place, candidates, quick, say }) {
  const times = quick ? 4 : 60;
  const same = await withinProcess(place, quick ? 20 : 200);
  const each = candidates.filter(
    ({ fresh, ours, name }) => fresh !== true && (!quick || ours || name === HAND),
  );
  const pairs = [];
  for (const candidate of each) {
    say(candidate.name);
    pairs.push(await Pair.start(candidate, place));
  }
  say(`${times} times each, in turn`);
  for (let i = 0; i < times; i++) for (const pair of rotated(pairs, i)) await pair.handOver();
  await Promise.all(pairs.map((pair) => pair.stop()));
  const hand = pairs.find(({ name }) => name === HAND).taken;
  const across = Object.fromEntries(pairs.map((pair) => [pair.name, pair.figures(hand)]));
  return { same, across };
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

/** Two processes of one candidate that hand a lock to each other. */
class Pair {
  taken = [];
  #id;
  #holder;
  #waiter;
  #failed;

  static async start(candidate, place) {
    const pair = new Pair(
      candidate,
      await startWorker(candidate, place),
      await startWorker(candidate, place),
    );
    await pair.#orFail(() => pair.#holder.call('acquire', { id: pair.#id }));
    return pair;
  }

  constructor({ name }, holder, waiter) {
    this.name = name;
    this.#id = `hand-over:${name}`;
    this.#holder = holder;
    this.#waiter = waiter;
  }

  handOver() {
    return this.#orFail(async () => {
      await this.#waiter.call('ask', { id: this.#id });
      await pause(STANDS_WITHIN_MS.least + Math.random() * STANDS_WITHIN_MS.spread);
      const released = this.#holder.call('release', { id: this.#id });
      const had = await this.#waiter.call('acquired', { id: this.#id });
      this.taken.push(had - (await released));
      [this.#holder, this.#waiter] = [this.#waiter, this.#holder];
    });
  }

  /** What is held is waited for by those who stop. */
  async stop() {
    await this.#orFail(() => this.#holder.call('release', { id: this.#id }));
    await Promise.all([this.#holder.stop(), this.#waiter.stop()]);
  }

  /** @param hand what it took by hand, in the same rounds. */
  figures(hand) {
    if (this.#failed !== undefined) return { failed: this.#failed };
    return { ...summary(this.taken), overHand: summary(this.taken.map((ms, round) => ms / hand[round])) };
  }

  async #orFail(work) {
    if (this.#failed !== undefined) return;
    await work().catch((error) => (this.#failed = error.message));
  }
}

function rotated(list, by) {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

export function tables({ same, across }, { candidates }) {
  const measured = candidates.filter(({ name }) => across[name] !== undefined);
  const isFailed = ({ name }) => across[name].failed !== undefined;
  const rows = measured.map((one) => [
    one.label,
    one.ours ? ms(same) : '',
    isFailed(one) ? FAILS : ms(across[one.name]),
    isFailed(one) ? '' : ratio(across[one.name].overHand),
  ]);
  const why = whyFailed(
    measured.filter(isFailed).map(({ name, label }) => ({ label, reason: across[name].failed })),
  );
  return [
    {
      title: 'Hand-over: from the end of one holder’s work to the start of the next',
      head: ['milliseconds, median (quartiles)', 'in one process', 'across processes', 'times by hand'],
      rows,
      note: why === '' ? undefined : why,
    },
  ];
}
