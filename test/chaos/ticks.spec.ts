import { isFullRun, machine } from './report.js';
import { table, writeSection } from './sections.mjs';
import { TICK_INCIDENTS, tickIncident, type TickIncident } from './tick-incidents.js';
import { MAJOR } from './cluster.js';
import { TickFleet, type FleetOptions, type TickVerdict } from './ticks.js';

const only = process.env['PGLOCK_INCIDENT'];
const rounds = Number(process.env['PGLOCK_ROUNDS'] ?? (isFullRun ? 10 : 1));
const possible = TICK_INCIDENTS.filter(({ needsLease }) => MAJOR >= 14 || needsLease !== true);

/** For every run of the tests: those that a bare retained lock fails. */
const QUICK = [
  'holder stopped over the tick',
  'holder killed right after the run began',
  'lock session terminated right after',
  'all replaced at once right after a run',
];

/** Shorter than the defaults, so that a tick of a stopped holder comes soon. */
const FLEET: FleetOptions = {
  periodSeconds: isFullRun ? 5 : 3,
  behindMs: [0, 300, 600],
  moduleOptions: { sessions: { heartbeat: '300ms', lease: '2s' } },
  lockOptions: { catchUp: '20s' },
};

/** Lets incidents happen to one fleet, one after the other, and looks at every tick from before to after. */
async function verdictOf(
  options: FleetOptions,
  incidents: readonly TickIncident[],
): Promise<TickVerdict & { seen: string }> {
  const fleet = await TickFleet.start(options);
  try {
    const first = fleet.tickAfter(800);
    await fleet.until(first + 1_200);
    for (const { happen } of incidents) await happen(fleet, fleet.tickAfter(800));
    const last = fleet.tickAfter(0);
    await fleet.until(last + fleet.leaseMs + 2_000);
    const verdict = await fleet.judge(first, last);
    const isWrong = verdict.lost.length + verdict.twice.length > 0;
    return { ...verdict, seen: isWrong ? `${JSON.stringify(await fleet.rows())}\n${fleet.output}` : '' };
  } finally {
    await fleet.end();
  }
}

describe('every tick runs exactly once', () => {
  const rows: (readonly (string | number)[])[] = [];
  const chosen = only === undefined ? possible : possible.filter(({ name }) => name.includes(only));

  (isFullRun || only !== undefined ? it.skip : it)(
    'through what happens to its holder, one thing after the other',
    async () => {
      const incidents = QUICK.map(tickIncident).filter((one) => possible.includes(one));
      expect(await verdictOf(FLEET, incidents)).toMatchObject({ lost: [], twice: [], seen: '' });
    },
    120_000,
  );

  const each = isFullRun || only !== undefined ? it.each(chosen) : it.skip.each(chosen);
  each(
    `${String(rounds)} times: $name`,
    async (incident) => {
      const incidents = Array.from({ length: rounds }, () => incident);
      const { ticks, lost, twice, latest, seen } = await verdictOf(FLEET, incidents);
      rows.push([
        incident.name,
        rounds,
        ticks,
        lost.length,
        twice.length,
        `${String(Math.round(latest))} ms`,
      ]);
      if (seen !== '') console.error(seen);
      expect({ lost, twice }).toEqual({ lost: [], twice: [] });
    },
    600_000,
  );

  afterAll(async () => {
    if (!isFullRun || only !== undefined) return;
    const head = ['What happens', 'Times', 'Ticks', 'Lost', 'Run twice', 'The latest'];
    const clocks = FLEET.behindMs.map((ms) => String(ms)).join(', ');
    const method =
      `A job every ${String(FLEET.periodSeconds)} s on three replicas whose clocks are ${clocks} ms behind; heartbeat 300 ms, ` +
      `lease 2 s, \`catchUp\` 20 s, no ledger. ${machine(String(MAJOR))}.`;
    await writeSection('ticks', `${method}\n\n${table(head, rows)}`);
  });
});

describe('an engine of jobs that is broken on purpose is caught', () => {
  const hunts = [
    ['noAnnouncement', 'holder killed right after the run began', 'twice'],
    ['noMemory', 'holder killed right after the run began', 'twice'],
    ['noCatchUp', 'holder stopped over the tick', 'lost'],
  ] as const;

  it('under one incident each', async () => {
    const results = await Promise.all(
      hunts.map(async ([mutant, name, wrong]) => {
        const incident = tickIncident(name);
        if (!possible.includes(incident)) return { mutant, wrong, isCaught: true };
        const options = {
          ...FLEET,
          periodSeconds: 3,
          behindMs: [0, 600],
          mutant,
          lockOptions: { catchUp: '6s' },
        };
        const times = Array.from({ length: isFullRun ? 4 : 1 }, () => incident);
        return { mutant, wrong, isCaught: (await verdictOf(options, times))[wrong].length > 0 };
      }),
    );
    expect(results.filter(({ isCaught }) => !isCaught)).toEqual([]);
  }, 180_000);
});
