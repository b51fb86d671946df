import { MAJOR } from './cluster.js';
import { Hammer, LEASE_MS, sleep, type Fault, type HammerOptions } from './hammer.js';
import type { HammerHistory } from './hammer-history.js';
import { isFullRun, machine } from './report.js';
import { table, writeSection } from './sections.mjs';

const CHANGES = Number(process.env['PGLOCK_CHANGES'] ?? (isFullRun ? 1_000 : 12));
const ACQUISITIONS = isFullRun ? 10_000 : 300;
const PERMITS = 3;

/** In a cycle; most changes are cheap ones, so that a thousand of them take minutes. */
const CHEAP: readonly Fault[] = ['resigned', 'terminated', 'killed', 'resigned', 'shut down', 'terminated'];
const DEAR: readonly Fault[] = ['stopped', 'cut off', 'server restarted'];
const POSSIBLE = MAJOR >= 14 ? DEAR : (['server restarted'] as const);

/** How much of a gap is the fault's own: a holder that says nothing keeps what it has until its lease is over. */
const OWN_MS: Partial<Record<Fault, number>> = { stopped: LEASE_MS, 'cut off': LEASE_MS };

async function hammer(
  options: HammerOptions,
  isEnough: (history: HammerHistory) => boolean,
): Promise<{ hammer: Hammer; history: HammerHistory }> {
  const hammered = await Hammer.start(options);
  try {
    for (let round = 0; !isEnough(hammered.history()); round++) {
      const dear = POSSIBLE[Math.floor(round / 10) % POSSIBLE.length] ?? 'server restarted';
      const fault = round % 10 === 9 ? dear : (CHEAP[round % CHEAP.length] ?? 'killed');
      await hammered.strike(fault, Math.random());
      await sleep(options.mode === 'lead' ? 120 : 300);
    }
    return { hammer: hammered, history: hammered.history() };
  } finally {
    await hammered.end();
    hammered.forget();
  }
}

const median = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)] ?? NaN;
const ms = (value: number) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;

describe('one leads', () => {
  it(
    'through whatever happens to it, and never two, whose terms grow',
    async () => {
      const { hammer: hammered, history } = await hammer({ mode: 'lead' }, ({ begun }) => begun >= CHANGES);
      expect(history.tooMany(1)).toEqual([]);
      expect(history.numbers).toEqual([...new Set(history.numbers)].sort((a, b) => (a < b ? -1 : 1)));
      const gaps = new Map<Fault, number[]>();
      for (const { fault, at } of hammered.blows) {
        const gap = history.gapAfter(at);
        if (gap !== undefined) gaps.set(fault, [...(gaps.get(fault) ?? []), gap - (OWN_MS[fault] ?? 0)]);
      }
      const rows = [...gaps].map(([fault, all]) => {
        const sorted = all.sort((a, b) => a - b);
        return [fault, sorted.length, ms(median(sorted)), ms(sorted.at(-1) ?? NaN)];
      });
      if (isFullRun) {
        const method =
          `${String(history.begun)} changes of leadership over five processes, lease ${String(LEASE_MS)} ms, and never two that held ` +
          `it. A gap runs from the fault to the next leader; the lease of one that was stopped or cut off is taken off, and a ` +
          `restart counts from when the server is back. ${machine(String(MAJOR))}.`;
        const head = ['What happens to the leader', 'Times', 'Gap, median', 'The longest'];
        await writeSection('leaders', `${method}\n\n${table(head, rows)}`);
      }
    },
    isFullRun ? 1_800_000 : 120_000,
  );
});

describe('permits', () => {
  it(
    'are never held by more than there are, through whatever happens to their holders',
    async () => {
      const options = { mode: 'permits', permits: PERMITS } as const;
      const { hammer: hammered, history } = await hammer(options, ({ begun }) => begun >= ACQUISITIONS);
      expect(history.tooMany(PERMITS)).toEqual([]);
      expect(new Set(history.numbers)).toEqual(new Set([1n, 2n, 3n]));
      if (!isFullRun) return;
      const calm = await calmWaits();
      const text =
        `${String(history.begun)} acquisitions of ${String(PERMITS)} permits by 20 flows in five processes under ` +
        `${String(hammered.blows.length)} faults of the same kinds, and never more than ${String(PERMITS)} holders. Without faults, under constant load: ` +
        `a wait takes ${ms(median(calm))} (median), the longest of ${String(calm.length)} took ${ms(calm.at(-1) ?? NaN)}.`;
      await writeSection('permits', text);
    },
    isFullRun ? 1_800_000 : 120_000,
  );
});

/** How long permits are waited for where nothing happens; the first second, in which all begin, does not count. */
async function calmWaits(): Promise<number[]> {
  const hammered = await Hammer.start({ mode: 'permits', permits: PERMITS });
  try {
    await sleep(6_000);
    return hammered.history().waits.slice(0, -1);
  } finally {
    await hammered.end();
    hammered.forget();
  }
}

describe('what is broken on purpose is caught', () => {
  it.each<[string, HammerOptions, number]>([
    ['anyLeads', { mode: 'lead', mutant: 'anyLeads' }, 1],
    ['deafLeader', { mode: 'lead', mutant: 'deafLeader' }, 1],
    ['onePermitMore', { mode: 'permits', permits: PERMITS, mutant: 'onePermitMore' }, PERMITS],
  ])(
    '%s',
    async (_name, options, most) => {
      let caught = false;
      const isEnough = (history: HammerHistory) =>
        (caught ||= history.tooMany(most).length > 0) || history.begun > 6_000;
      await hammer(options, isEnough);
      expect(caught).toBe(true);
    },
    300_000,
  );
});
