import type { Check } from '../support/history.js';
import type { Fault } from './fault.js';
import { faultNamed, POSSIBLE } from './faults.js';
import { KINDS } from './kinds.js';
import { hunt, hunts } from './mutants.js';
import { faultTable, isFullRun, machine, promisesTable } from './report.js';
import { table, writeSection } from './sections.mjs';
import { chaos, shuffled, type ChaosResult } from './run.js';

const seed = Number(
  process.env['PGLOCK_CHAOS_SEED'] ?? (isFullRun ? Math.floor(Math.random() * 1_000_000) : 1),
);
const count = Number(process.env['PGLOCK_CHAOS_FAULTS'] ?? (isFullRun ? 210 : 12));
/** Those that are caught soon, for every run of the tests. */
const QUICK = ['deaf', 'lateAnchor', 'localToken', 'unflushedToken', 'firstOnly', 'contextual', 'innerEnds'];
/** The long form meets that many faults under each of that many seeds. */
const seeds = Array.from({ length: isFullRun ? 5 : 1 }, (_, i) => seed + i);
const REPLICAS = isFullRun ? 5 : 4;
/** With the sessions that everybody has who sets nothing. */
const WITH_DEFAULTS = [
  'backend terminated',
  'process killed (SIGKILL)',
  'process stopped for longer than the lease',
  'event loop blocked for longer than the lease',
  'TCP cut',
  'TCP half-open',
  'server restarted, fast',
  'server killed (kill -9) and recovered',
];

let said = 0;

/** How far the long run is. */
function say(result: object): void {
  if (isFullRun) process.stderr.write(`${String(++said)} ${JSON.stringify(result)}\n`);
}

describe(`no promise is broken by ${String(count)} faults`, () => {
  const results: ChaosResult[] = [];

  it.each(seeds)(
    'seed %i',
    async (one) => {
      const options = { replicas: REPLICAS, seed: one, companions: true, onFault: say };
      const result = await calmChaos(options, () => shuffled(POSSIBLE, one, count));
      results.push(result);
      expect(result.violations).toEqual([]);
      expect(result.faults).toHaveLength(count);
      expect(result.history.holds.length).toBeGreaterThan(count * 10);
      if (isFullRun) expect(result.history.staleWritesRefused).toBeGreaterThan(0);
    },
    2_400_000,
  );

  afterAll(async () => {
    if (isFullRun) await writeSection('faults', summary(results) + faultTable(results));
  });
});

it('nor by what applications do to themselves', async () => {
  const kinds = POSSIBLE.filter((fault) => KINDS.includes(fault));
  const { violations, faults } = await calmChaos({ replicas: 4, seed, onFault: say }, () => kinds);
  expect(violations).toEqual([]);
  expect(faults).toHaveLength(kinds.length);
}, 900_000);

/** What a machine that stands still breaks as well: a lease that ends without a fault, an answer that is late. */
const OF_TIME: readonly Check[] = [
  'others get it in time',
  'signal first',
  'nothing is lost without cause',
  'shutdown ends',
  'no waiter starves',
  'deadlocks end',
  'sticky',
  'holdAtLeast',
];
const TRIES = isFullRun ? 1 : 3;
/** How often a broken engine may be lucky, each time with other faults. */
const HUNTS = isFullRun ? 1 : 8;

/** Chaos in which nothing is broken; where only time was, on a machine that does other things as well, once more. */
async function calmChaos(
  options: Parameters<typeof chaos>[0],
  faults: () => Iterable<Fault>,
): Promise<ChaosResult> {
  for (let left = TRIES - 1; ; left--) {
    const result = await chaos(options, faults());
    const isOfTime = result.violations.every(({ check }) => OF_TIME.includes(check));
    if (result.violations.length === 0 || !isOfTime || left <= 0) return result;
    process.stderr.write(`Once more, since time was judged: ${JSON.stringify(result.violations)}\n`);
  }
}

/** What ends a session whose lease is short while the process is busy with something else. */
const UNDER_A_SHORT_LEASE = [
  'event loop blocked for longer than the lease',
  'event loop blocked with a crowd in line',
  'process stopped for longer than the lease',
  'backend terminated',
  'TCP half-open',
];

it(`nor under a lease of 0.7 s, seed ${String(seed)}`, async () => {
  const names = isFullRun
    ? Array.from({ length: 10 }, () => UNDER_A_SHORT_LEASE).flat()
    : UNDER_A_SHORT_LEASE;
  const chosen = POSSIBLE.filter(({ name }) => names.includes(name));
  const again = names.flatMap((name) => chosen.filter((fault) => fault.name === name));
  const sessions = { heartbeat: '100ms', lease: '700ms' } as const;
  const options = { replicas: 4, seed, sessions, onFault: say };
  const { violations, faults } = await calmChaos(options, () => again);
  expect(violations).toEqual([]);
  expect(faults).toHaveLength(again.length);
}, 900_000);

/** What meets statements of which several are under way at once. */
const BETWEEN_BATCHES = [
  'holder cancelled between the batches under way',
  'backend terminated',
  'TCP cut',
  "server's lock table full",
  'process stopped briefly',
  'server killed (kill -9) and recovered',
];

it(`nor far away from the server, where several statements are under way at once, seed ${String(seed)}`, async () => {
  const names = isFullRun ? Array.from({ length: 10 }, () => BETWEEN_BATCHES).flat() : BETWEEN_BATCHES;
  const options = { replicas: 4, seed, flows: 6, distanceMs: 2, onFault: say };
  const { violations, faults } = await calmChaos(options, () => names.map(faultNamed));
  expect(violations).toEqual([]);
  expect(faults).toHaveLength(names.length);
}, 900_000);

(isFullRun ? it : it.skip)('with the default sessions', async () => {
  const faults = [...WITH_DEFAULTS, ...WITH_DEFAULTS, ...WITH_DEFAULTS].map(faultNamed);
  const result = await chaos({ replicas: 4, seed, sessions: {}, onFault: say }, faults);
  expect(result.violations).toEqual([]);
  await writeSection('defaults', faultTable([result]));
  await writeSection('promises', promisesTable(result), 'docs/comparison.md');
});

describe('an engine that is broken on purpose is caught', () => {
  const rows: (readonly string[])[] = [];
  const all = hunts();
  const chosen = all.filter(
    ({ name, faults: [first], fault }) => isFullRun || (QUICK.includes(name) && fault === first),
  );

  it('under every fault that there is', () => {
    const met = all.filter(({ failsByItself }) => failsByItself !== true).map(({ fault }) => fault);
    expect(new Set(met)).toEqual(new Set(POSSIBLE.map(({ name }) => name)));
  });

  it.each(chosen)('$name under "$fault": $broken', async (one) => {
    let caught = await hunt(one, seed);
    for (let more = 1; more < HUNTS && caught.size === 0; more++) caught = await hunt(one, seed + more);
    const by = [...caught.keys()].join(', ');
    say({ name: one.name, fault: one.fault, caughtBy: by });
    rows.push([
      one.failsByItself === true ? '–' : one.fault,
      `\`${one.name}\`: ${one.broken}`,
      by || '**nothing**',
    ]);
    expect(by).not.toBe('');
  });

  afterAll(async () => {
    if (!isFullRun) return;
    rows.sort(([a = ''], [b = '']) => a.localeCompare(b));
    await writeSection('mutants', table(['Fault', 'Broken engine', 'Caught by'], rows));
  });
});

function summary(results: readonly ChaosResult[]): string {
  const [first] = results as readonly [ChaosResult];
  const sum = (of: (result: ChaosResult) => number) => results.reduce((total, one) => total + of(one), 0);
  const faults = sum((one) => one.faults.length);
  return `Seeds \`${String(first.seed)}\` to \`${String(first.seed + results.length - 1)}\`: ${String(faults)} faults in ${sum((one) => one.seconds).toFixed(0)} s on ${REPLICAS === 5 ? 'five' : 'four'} replicas that took
${String(sum((one) => one.history.holds.length))} locks meanwhile; ${String(sum((one) => one.history.staleWritesRefused))} writes of stale holders were refused by their
fencing tokens. Violations: **${String(sum((one) => one.violations.length))}**. Where the server or the network ended a session, two holders both
saw themselves as holders for at most ${Math.max(...results.map(({ history }) => history.longestNewsMs)).toFixed(1)} ms, until the former one was notified; where a lease ran out, never.

${machine('18')}. Again: \`npm run test:chaos -- --seed ${String(first.seed)} --faults ${String(count)}\`.

`;
}
