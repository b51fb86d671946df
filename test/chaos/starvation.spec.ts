import { spawnChild } from '../support/child.js';
import { inOneOf, useDatabase } from '../support/database.js';
import { isFullRun, machine } from './report.js';
import { table, writeSection } from './sections.mjs';
import { fairness, type Fairness, type Turn } from './starvation.js';

const database = useDatabase();

const PROCESSES = 5;
/** What the issue allows on a machine that does nothing else. */
const SLACK_MS = 200;

interface Flow {
  /** How many of its requests are exclusive, from 0 to 1. */
  readonly writes: number;
  /** Between which it holds, in milliseconds; as often between 1 and 10 as between 10 and 100. */
  readonly shortest: number;
  readonly longest: number;
  readonly restMs: number;
}

interface Run {
  readonly turns: readonly Turn[];
  /** What the machine adds to everything: the allowed, and several times the worst delay of a timer in any of the processes. */
  readonly slackMs: number;
}

async function run(flowsOf: (process: number) => readonly Flow[], ms: number, mutant?: string): Promise<Run> {
  const script = new URL('../support/children/starving.mjs', import.meta.url);
  const children = Array.from({ length: PROCESSES }, (_, number) =>
    spawnChild(script, { env: { STARVING: JSON.stringify({ database: database.url, number, mutant }) } }),
  );
  await Promise.all(children.map((child) => child.next('ready', 60_000)));
  children.forEach((child, process) => child.send('run', { id: 'one', ms, flows: flowsOf(process) }));
  const told = await Promise.all(children.map((child) => child.next('turns', ms + 240_000)));
  await Promise.all(children.map((child) => child.exit));
  const late = told.map(({ lateMs }) => Number(lateMs));
  return {
    turns: told.flatMap(({ turns }) => turns as Turn[]),
    slackMs: SLACK_MS + 4 * Math.max(...late),
  };
}

const most = (turns: readonly Fairness[], of: (one: Fairness) => number): number =>
  Math.max(...turns.map(of));

const longestRead = (turns: readonly Turn[]) =>
  Math.max(...turns.filter(({ shared }) => shared).map(({ got, released }) => released - got));

const waitsOfWriters = (turns: readonly Turn[]) =>
  turns.filter(({ shared }) => !shared).map(({ asked, got }) => got - asked);

const MIXED: Flow = { writes: 0.5, shortest: 1, longest: isFullRun ? 5_000 : 400, restMs: 20 };
const READER: Flow = {
  writes: 0,
  shortest: isFullRun ? 200 : 20,
  longest: isFullRun ? 1_000 : 100,
  restMs: 1,
};
/** Writers of which one is there at a time, most of the time. */
const WRITER: Flow = { writes: 1, shortest: 1, longest: 2, restMs: isFullRun ? 6_000 : 1_000 };
const BUSY_WRITER: Flow = { ...WRITER, restMs: 1_000 };
const MS = isFullRun ? 60_000 : 5_000;
/** Timers do not show when the server stands still: an engine that is unfair is so in every run. */
const TRIES = isFullRun ? 1 : 5;

describe('no waiter starves, of five processes with four flows each that want one id', () => {
  it('exclusive and shared mixed: each waits for those that asked before, in whichever process', async () => {
    await inOneOf(TRIES, async () => {
      const { turns, slackMs } = await run(() => [MIXED, MIXED, MIXED, MIXED], MS);
      const seen = fairness(turns);
      expect(turns.length).toBeGreaterThan(40);
      expect(new Set(turns.map(({ process }) => process)).size).toBe(PROCESSES);
      expect(most(seen, ({ idleMs }) => idleMs)).toBeLessThan(slackMs);
      // One of those that came later may have been let in before the others heard of the request.
      const longest = Math.max(...turns.map(({ got, released }) => released - got));
      expect(most(seen, ({ beyondWorkAheadMs }) => beyondWorkAheadMs)).toBeLessThan(longest + slackMs);
      if (isFullRun) await writeSection('starvation', report(turns, seen, slackMs));
    });
  }, 400_000);

  it('a writer waits for the readers that hold it, and for no others', async () => {
    await inOneOf(TRIES, async () => {
      const { turns, slackMs } = await run(
        (process) => (process === 0 ? [WRITER, READER, READER, READER] : [READER, READER, READER, READER]),
        MS,
      );
      const waits = waitsOfWriters(turns);
      expect(waits.length).toBeGreaterThan(3);
      expect(Math.max(...waits)).toBeLessThan(longestRead(turns) + slackMs);
    });
  }, 400_000);

  it('an engine whose readers never make room is caught', async () => {
    await inOneOf(TRIES, async () => {
      const { turns, slackMs } = await run(
        (process) => (process === 0 ? [BUSY_WRITER] : [READER, READER, READER, READER]),
        isFullRun ? 15_000 : 2_500,
        'greedyReaders',
      );
      expect(Math.max(...waitsOfWriters(turns))).toBeGreaterThan(longestRead(turns) + slackMs);
    });
  });
});

function report(turns: readonly Turn[], seen: readonly Fairness[], slackMs: number): string {
  const ms = (value: number) => `${String(Math.round(value))} ms`;
  const waits = turns.map(({ asked, got }) => got - asked).toSorted((a, b) => a - b);
  const rows = [
    ['grants', turns.length],
    ['longest hold', ms(Math.max(...turns.map(({ got, released }) => released - got)))],
    ['median wait', ms(waits[Math.floor(waits.length / 2)] ?? 0)],
    ['longest wait', ms(waits.at(-1) ?? 0)],
    [
      'longest time for which the lock was free while a request waited',
      ms(most(seen, ({ idleMs }) => idleMs)),
    ],
    [
      'longest wait beyond the work of all who had asked before, or within 120 ms after',
      ms(
        Math.max(
          0,
          most(seen, ({ beyondWorkAheadMs }) => beyondWorkAheadMs),
        ),
      ),
    ],
    ['allowed: 200 ms, and four times the worst delay of a timer on this machine', ms(slackMs)],
  ];
  return `${table(['', ''], rows)}\n\n${machine('18')}.`;
}

describe('the judge of a starvation run', () => {
  const turn = (process: number, asked: number, got: number, released: number, shared = false): Turn => ({
    ...{ process, asked, got, released, shared },
  });

  it('finds a lock that was free while a request waited', () => {
    const seen = fairness([turn(0, 0, 0, 100), turn(1, 50, 400, 500)]);
    expect(seen.map(({ idleMs }) => idleMs)).toEqual([0, 300]);
  });

  it('finds a request that waits for work which was asked for later', () => {
    const later = [200, 400, 600].map((at) => turn(0, at, at, at + 200));
    const seen = fairness([turn(0, 0, 0, 200), turn(1, 10, 800, 900), ...later]);
    expect(most(seen, ({ beyondWorkAheadMs }) => beyondWorkAheadMs)).toBe(600);
  });

  it('finds nothing where all come in order', () => {
    const seen = fairness([0, 1, 2, 3].map((n) => turn(n, n, n * 100, n * 100 + 100)));
    expect(most(seen, ({ idleMs }) => idleMs)).toBeLessThanOrEqual(0);
    expect(most(seen, ({ beyondWorkAheadMs }) => beyondWorkAheadMs)).toBeLessThanOrEqual(0);
  });
});
