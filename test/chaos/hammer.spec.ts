import { MAJOR, now } from './cluster.js';
import { inOneOf } from '../support/waiting.js';
import { Hammer, LEASE_MS, sleep, type Blow, type Fault, type HammerOptions } from './hammer.js';
import type { HammerHistory, Stretch, Wait } from './hammer-history.js';
import { isFullRun, machine } from './report.js';
import { table, writeSection } from './sections.mjs';

const CHANGES = Number(process.env['PGLOCK_CHANGES'] ?? (isFullRun ? 1_000 : 12));
const TRIES = isFullRun ? 1 : 5;
const ACQUISITIONS = isFullRun ? 10_000 : 300;
const PERMITS = 3;
/** How many flows want a permit at once, over all processes. */
const FLOWS = 20;
/** Nobody waits while others get so many permits: all who wait, four times over. */
const OVERTAKEN = 4 * FLOWS;

/** In a cycle; most changes are cheap ones, so that a thousand of them take minutes. */
const CHEAP: readonly Fault[] = ['resigned', 'terminated', 'killed', 'resigned', 'shut down', 'terminated'];
const DEAR: readonly Fault[] = ['stopped', 'cut off', 'server restarted'];
const POSSIBLE = MAJOR >= 14 ? DEAR : (['server restarted'] as const);

/** For how long the news of a terminated backend may be under way to a process that runs, on a machine that does nothing else. */
const NEWS_MS = isFullRun ? 100 : LEASE_MS;
/** How much of a gap is the fault's own: a holder that says nothing keeps what it has until its lease is over. */
const OWN_MS: Partial<Record<Fault, number>> = { stopped: LEASE_MS, 'cut off': LEASE_MS };

async function hammer(
  options: HammerOptions,
  isEnough: (history: HammerHistory, hammered: Hammer) => boolean,
): Promise<{ hammer: Hammer; history: HammerHistory }> {
  const hammered = await Hammer.start(options);
  try {
    for (let round = 0; !isEnough(hammered.history(), hammered); round++) {
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

/**
 * A backend that the server ends releases its lock at once, and the process hears of that when it can. Nothing else makes more
 * see themselves as holders than may hold.
 */
function isNews(former: Stretch, next: Stretch, blows: readonly Blow[]): boolean {
  const endsIt = ({ fault, from, victim }: Blow) =>
    (fault === 'server restarted' || (fault === 'terminated' && former.who.startsWith(`${victim}.`))) &&
    former.from < from + NEWS_MS &&
    from <= next.from;
  return former.to - next.from < NEWS_MS && blows.some(endsIt);
}

/** Where more held than may, but for what only the news can end. */
function tooMany({ blows }: Hammer, history: HammerHistory, most: number): readonly (readonly Stretch[])[] {
  return history.tooMany(most, (former, next) => isNews(former, next, blows));
}

function longestNews(both: readonly (readonly Stretch[])[]): number {
  return both.reduce(
    (longest, [former, next]) => Math.max(longest, (former?.to ?? 0) - (next?.from ?? 0)),
    0,
  );
}

const median = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)] ?? NaN;
const ms = (value: number) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;

describe('one leads', () => {
  it(
    'through whatever happens to it, and never two, whose terms grow',
    async () => {
      const { hammer: hammered, history } = await hammer({ mode: 'lead' }, ({ begun }) => begun >= CHANGES);
      const both = history.tooMany(1);
      expect(tooMany(hammered, history, 1)).toEqual([]);
      expect(history.numbers).toEqual([...new Set(history.numbers)].sort((a, b) => (a < b ? -1 : 1)));
      const gaps = new Map<Fault, number[]>();
      for (const { fault, at } of hammered.blows) {
        const gap = history.gapAfter(at);
        if (gap !== undefined) gaps.set(fault, [...(gaps.get(fault) ?? []), gap - (OWN_MS[fault] ?? 0)]);
      }
      const beyond = [...gaps.values()].flat().sort((a, b) => a - b);
      if (isFullRun) expect(median(beyond)).toBeLessThan(100);
      const rows = [...gaps].map(([fault, all]) => {
        const sorted = all.sort((a, b) => a - b);
        return [fault, sorted.length, ms(median(sorted)), ms(sorted.at(-1) ?? NaN)];
      });
      if (isFullRun) {
        const method =
          `${String(history.begun)} changes of leadership over five processes, lease ${String(LEASE_MS)} ms, and never two that held ` +
          `it, except where the server ended a session, for at most ${ms(longestNews(both))} until the former one was notified. A gap runs from the fault to the next leader; where it was stopped or cut off, the lease is ` +
          `subtracted (less than 0: the lease had begun before the fault); a restart counts from when the server is back. Over all of them, the median is ${ms(median(beyond))}. ${machine(String(MAJOR))}.`;
        const head = ['What happens to the leader', 'Times', 'Gap, median', 'The longest'];
        await writeSection('leaders', `${method}\n\n${table(head, rows)}`);
      }
    },
    isFullRun ? 1_800_000 : 300_000,
  );
});

describe('permits', () => {
  it(
    'are never held by more than there are, through whatever happens to their holders',
    async () => {
      const options = { mode: 'permits', permits: PERMITS } as const;
      const { hammer: hammered, history } = await hammer(options, ({ begun }) => begun >= ACQUISITIONS);
      expect(tooMany(hammered, history, PERMITS)).toEqual([]);
      expect(new Set(history.numbers)).toEqual(new Set([1n, 2n, 3n]));
      if (!isFullRun) return;
      const text =
        `${String(history.begun)} acquisitions of ${String(PERMITS)} permits by 20 flows in five processes under ` +
        `${String(hammered.blows.length)} faults of the same kinds, and never more than ${String(PERMITS)} holders.`;
      await writeSection('permits', text);
    },
    isFullRun ? 1_800_000 : 300_000,
  );

  it('starve none of those that wait, where nothing happens to their holders', async () => {
    // A process that stands still is overtaken meanwhile; permits without a queue are so in every run.
    const { waits, grants } = await inOneOf(TRIES, async () => {
      const waits = await calm();
      const grants = waits.map((wait) => wait.grants).sort((a, b) => a - b);
      expect(waits.length).toBeGreaterThan(20); // a busy machine has few
      expect(grants.at(-1)).toBeLessThan(OVERTAKEN);
      return { waits, grants };
    });
    if (!isFullRun) return;
    const longest = waits.reduce((most, wait) => (wait.ms > most.ms ? wait : most));
    const text =
      `Under constant load of ${String(FLOWS)} flows in five processes, without faults, a wait for one of ${String(PERMITS)} permits takes ` +
      `${ms(median(waits.map((wait) => wait.ms).sort((a, b) => a - b)))} (median), the longest of ${String(waits.length)} took ` +
      `${ms(longest.ms)}; others got ${String(median(grants))} permits meanwhile (median), ${String(grants.at(-1))} at the most.`;
    await writeSection('permit-waits', text);
  });
});

/** The waits under constant load on permits, without faults; the first seconds, in which all begin, do not count. */
async function calm(mutant?: string): Promise<readonly Wait[]> {
  const hammered = await Hammer.start({ mode: 'permits', permits: PERMITS, mutant });
  try {
    await sleep(2_000);
    const from = now();
    await sleep(isFullRun ? 20_000 : 5_000);
    return hammered.history().waitsSince(from);
  } finally {
    await hammered.end();
    hammered.forget();
  }
}

describe('what is broken on purpose is caught', () => {
  it.each<[string, HammerOptions]>([
    ['anyLeads', { mode: 'lead', mutant: 'anyLeads' }],
    ['deafLeader', { mode: 'lead', mutant: 'deafLeader' }],
    ['onePermitMore', { mode: 'permits', permits: PERMITS, mutant: 'onePermitMore' }],
  ])('%s', async (_name, options) => {
    let caught = false;
    const isEnough = (history: HammerHistory, hammered: Hammer) => {
      const found = tooMany(hammered, history, options.mode === 'lead' ? 1 : PERMITS);
      return (caught ||= found.length > 0) || history.begun > 6_000;
    };
    await hammer(options, isEnough);
    expect(caught).toBe(true);
  });

  it('noQueue', async () => {
    await inOneOf(TRIES, async () => {
      const grants = (await calm('noQueue')).map((wait) => wait.grants);
      expect(Math.max(...grants)).toBeGreaterThan(OVERTAKEN);
    });
  });
});
