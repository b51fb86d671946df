import { isFullRun, machine } from './report.js';
import { table, writeSection } from './sections.mjs';
import { TICK_INCIDENTS, tickIncident, type TickIncident } from './tick-incidents.js';
import { MAJOR } from './cluster.js';
import { TickFleet, type FleetOptions, type TickVerdict } from './ticks.js';

const only = process.env['PGLOCK_INCIDENT'];
const isLong = isFullRun || only !== undefined;
const rounds = Number(process.env['PGLOCK_ROUNDS'] ?? (isFullRun ? 10 : 1));
/** How many fleets live beside each other in the long run. */
const fleets = Number(process.env['PGLOCK_FLEETS'] ?? 3);
const nest = process.env['PGLOCK_NEST'] === '11' ? '11' : '12';
/** How often a broken engine may be lucky: a whole one is never hunted, so that more tries hide nothing. */
const TRIES = 8;
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
  periodSeconds: isLong ? 5 : 3,
  behindMs: [0, 300, 600],
  moduleOptions: { sessions: { heartbeat: '300ms', lease: '2s' } },
  lockOptions: { catchUp: '20s' },
  nest,
};

type Seen = TickVerdict & { readonly seen: string };

/** Lets incidents happen to one fleet, one after the other, and looks at every tick from before to after. */
async function verdictOf(options: FleetOptions, incidents: readonly TickIncident[]): Promise<Seen> {
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

/** What came of each incident, several of them at a time. */
async function verdicts(incidents: readonly TickIncident[]): Promise<Map<TickIncident, Seen>> {
  const left = [...incidents];
  const found = new Map<TickIncident, Seen>();
  const one = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const same = next;
      found.set(
        same,
        await verdictOf(
          FLEET,
          Array.from({ length: rounds }, () => same),
        ),
      );
    }
  };
  await Promise.all(Array.from({ length: fleets }, one));
  return found;
}

describe('every tick runs exactly once', () => {
  (isLong ? it.skip : it)('through what happens to its holder, one thing after the other', async () => {
    const incidents = QUICK.map(tickIncident).filter((one) => possible.includes(one));
    expect(await verdictOf(FLEET, incidents)).toMatchObject({ lost: [], twice: [], seen: '' });
  });

  (isLong ? it : it.skip)(
    `${String(rounds)} times through each incident`,
    async () => {
      const chosen = only === undefined ? possible : possible.filter(({ name }) => name.includes(only));
      const found = await verdicts(chosen);
      const rows = chosen.map((incident) => row(incident, found.get(incident)));
      if (only === undefined) await publish(rows);
      else console.log(rows);
      for (const [{ name }, { seen }] of found) if (seen !== '') console.error(`${name}\n${seen}`);
      const wrong = [...found].filter(([, { lost, twice }]) => lost.length + twice.length > 0);
      expect(wrong.map(([{ name }, { lost, twice }]) => ({ name, lost, twice }))).toEqual([]);
    },
    3_600_000,
  );
});

function row({ name }: TickIncident, verdict: Seen | undefined): (string | number)[] {
  if (verdict === undefined) throw new Error(`"${name}" was not tried.`);
  const { ticks, lost, twice, latest } = verdict;
  return [name, rounds, ticks, lost.length, twice.length, `${String(Math.round(latest))} ms`];
}

async function publish(rows: readonly (readonly (string | number)[])[]): Promise<void> {
  const head = ['What happens', 'Times', 'Ticks', 'Lost', 'Run twice', 'The latest'];
  const clocks = FLEET.behindMs.map((ms) => String(ms)).join(', ');
  const method =
    `A job every ${String(FLEET.periodSeconds)} s on three replicas on Nest ${nest} whose clocks are ${clocks} ms behind; ` +
    `heartbeat 300 ms, lease 2 s, \`catchUp\` 20 s, no ledger. ${machine(String(MAJOR))}.`;
  const isOther = MAJOR !== 18 || nest !== '12';
  await writeSection(isOther ? `ticks ${String(MAJOR)}` : 'ticks', `${method}\n\n${table(head, rows)}`);
}

describe('an engine of jobs that is broken on purpose is caught', () => {
  const after = 'holder killed right after the run began';
  const hunts = [
    { mutant: 'noAnnouncement', name: after, wrong: 'twice', behindMs: [0, 600] },
    { mutant: 'noMemory', name: after, wrong: 'twice', behindMs: [0, 600] },
    { mutant: 'noCatchUp', name: 'holder stopped over the tick', wrong: 'lost', behindMs: [0, 600] },
    {
      mutant: 'noLingering',
      name: 'all replaced at once right after a run',
      wrong: 'twice',
      // Time to boot before the tick comes by the clock that is behind, and less than `clockSkew`.
      behindMs: [0, 1_700],
    },
  ] as const;

  it('under one incident each', async () => {
    const missed: string[] = [];
    const hunt = async ({ mutant, name, wrong, behindMs }: (typeof hunts)[number]) => {
      const incident = tickIncident(name);
      if (!possible.includes(incident)) return;
      const options = { ...FLEET, periodSeconds: 3, behindMs, mutant, lockOptions: { catchUp: '6s' } };
      // Whether it shows may depend on who of the new ones is first, and on whether the machine boots them in time.
      for (let tries = 0; tries < TRIES; tries++)
        if ((await verdictOf(options, [incident, incident]))[wrong].length > 0) return;
      missed.push(mutant);
    };
    await Promise.all(hunts.map(hunt));
    expect(missed).toEqual([]);
  });
});
