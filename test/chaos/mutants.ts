import type { SessionsOptions } from '../../lib/session/session-options.js';
import type { Check } from '../support/history.js';
import { faultNamed } from './faults.js';
import { chaos, type ChaosResult } from './run.js';

/** An engine that is broken on purpose, the faults that it should not survive, and the checks that see it. */
export interface Mutant {
  readonly name: string;
  /** What is broken, in words. */
  readonly broken: string;
  readonly faults: readonly string[];
  readonly caughtBy: readonly Check[];
  /** Sessions under which it shows. */
  readonly sessions?: SessionsOptions;
  readonly flows?: number;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'deaf',
    broken: 'nobody is told when a session ends',
    faults: [
      'backend terminated',
      'TCP cut',
      'connections refused',
      'server restarted, fast',
      'server restarted, immediate',
    ],
    caughtBy: ['mutual exclusion', 'signal first'],
  },
  {
    name: 'noLease',
    broken: 'the server is asked for no lease',
    faults: ['process stopped for longer than the lease'],
    caughtBy: ['others get it in time'],
  },
  {
    name: 'trusting',
    broken: 'a lock is trusted as long as its connection looks open',
    faults: [
      'event loop blocked for longer than the lease',
      'process stopped for longer than the lease',
      'TCP half-open',
    ],
    caughtBy: ['mutual exclusion', 'signal first'],
  },
  {
    name: 'wallClock',
    broken: 'the lease is measured with the clock on the wall',
    faults: ['clock moved back by an hour, and the process stopped', 'clock of the process moved by an hour'],
    caughtBy: ['mutual exclusion', 'no handle comes back', 'nothing is lost without cause', 'signal first'],
  },
  {
    name: 'lateAnchor',
    broken: 'the lease counts from when the answer came',
    faults: [
      'TCP answers delayed by 900 ms, then half-open',
      'TCP answers delayed by 900 ms, then half-open',
    ],
    caughtBy: ['signal first', 'mutual exclusion'],
  },
  {
    name: 'slowSignal',
    broken: 'a session that waits for an answer is given up only when that is overdue',
    faults: ['TCP half-open', 'TCP half-open towards the server', 'TCP half-open'],
    sessions: { heartbeat: '900ms', lease: '2s' },
    flows: 0, // busy sessions are answered often
    caughtBy: ['signal first'],
  },
  {
    name: 'ghosts',
    broken: 'what a wait that timed out has got all the same is kept',
    faults: Array.from({ length: 4 }, () => 'a thousand timeouts racing grants'),
    caughtBy: ['others get it in time', 'nothing is left'],
  },
  {
    name: 'cancelIsGrant',
    broken: 'a wait that somebody cancelled counts as granted',
    faults: Array.from({ length: 4 }, () => 'backends cancelled, again and again'),
    caughtBy: ['mutual exclusion', 'no lost update', 'tokens grow'],
  },
  {
    name: 'strays',
    broken: 'what a failed batch has taken all the same is kept',
    faults: ["server's lock table full", "server's lock table full"],
    caughtBy: ['others get it in time', 'nothing is left'],
  },
  {
    name: 'resurrect',
    broken: 'a lost lock is taken again behind the back of its holder',
    faults: ['backend terminated', 'TCP cut'],
    caughtBy: ['no handle comes back', 'mutual exclusion'],
  },
  {
    name: 'localToken',
    broken: 'each process counts fencing tokens for itself',
    faults: ['process killed (SIGKILL)'],
    caughtBy: ['tokens grow'],
  },
  {
    name: 'unflushedToken',
    broken: 'fencing tokens are given before they are on disk',
    faults: Array.from({ length: 4 }, () => 'server killed (kill -9) and recovered'),
    flows: 0, // whatever else is written takes the token along to the disk
    caughtBy: ['tokens grow'],
  },
  {
    name: 'noReconnect',
    broken: 'who could not connect once does not try again',
    faults: [
      'max_connections reached',
      'connections fail, disk full (53100)',
      'connections closed at once',
      'connections never answered',
    ],
    caughtBy: ['others get it in time'],
  },
  {
    name: 'noListener',
    broken: 'connections without an error listener',
    faults: ['backend terminated', 'TCP cut', 'server restarted, fast', 'backend terminated'],
    caughtBy: ['no process dies'],
  },
  {
    name: 'leakyClose',
    broken: 'shutdown forgets its locks and connections',
    faults: ['shutdown while it holds and waits'],
    caughtBy: ['others get it in time', 'nothing is left'],
  },
  {
    name: 'hangingClose',
    broken: 'shutdown waits for a server that does not answer',
    faults: ['shutdown while nothing answers'],
    caughtBy: ['shutdown ends', 'others get it in time'],
  },
  {
    name: 'borrowed',
    broken: "locks take connections of the application's pool",
    faults: ["application's pool exhausted"],
    caughtBy: ['others get it in time'],
  },
  {
    name: 'noHoldAtLeast',
    broken: '`holdAtLeast` is forgotten',
    faults: ['event loop blocked briefly', 'process stopped briefly', 'TCP delayed by 150 ms each way'],
    caughtBy: ['holdAtLeast'],
  },
  {
    name: 'notSticky',
    broken: '`sticky` is forgotten',
    faults: ['event loop blocked briefly', 'process stopped briefly', 'TCP delayed by 150 ms each way'],
    caughtBy: ['sticky'],
  },
  {
    name: 'allShared',
    broken: 'every lock is taken shared',
    faults: ['process stopped briefly'],
    caughtBy: ['mutual exclusion', 'no lost update'],
  },
  {
    name: 'firstOnly',
    broken: 'of several ids only the first is locked',
    faults: ['process stopped briefly', 'event loop blocked briefly'],
    caughtBy: ['mutual exclusion', 'no lost update'],
  },
];

/** Runs a broken engine through its faults; the checks that caught it, with the first thing that each of them saw. */
export async function hunt(
  mutant: Mutant,
  seed: number,
): Promise<{ caught: Map<Check, string>; result: ChaosResult }> {
  const wanted = new Set<Check>(mutant.caughtBy);
  const result = await chaos(
    {
      replicas: 4,
      seed,
      mutant: mutant.name,
      patienceMs: 4_000,
      answersWithinMs: 6_000,
      flows: mutant.flows ?? 3,
      ...(mutant.sessions && { sessions: mutant.sessions }),
    },
    mutant.faults.map(faultNamed),
    (violations) => violations.some(({ check }) => wanted.has(check)),
  );
  const caught = new Map<Check, string>();
  for (const { check, what } of result.violations) if (!caught.has(check)) caught.set(check, what);
  return { caught, result };
}
