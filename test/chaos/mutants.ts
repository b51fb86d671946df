import type { SessionsOptions } from '../../lib/session/session-options.js';
import type { Check } from '../support/history.js';
import { faultNamed, POSSIBLE } from './faults.js';
import { chaos } from './run.js';

/** An engine that is broken on purpose, the faults of which it should survive none, and the checks that see it. */
export interface Mutant {
  readonly name: string;
  /** What is broken, in words. */
  readonly broken: string;
  readonly faults: readonly string[];
  /** Whether it fails without any, and the fault only makes time pass. */
  readonly failsByItself?: boolean;
  /** How often a fault may have to happen before it shows. @default 2 */
  readonly times?: number;
  readonly caughtBy: readonly Check[];
  /** Sessions under which it shows. */
  readonly sessions?: SessionsOptions;
  readonly flows?: number;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'deaf',
    broken: 'holders are not told when a session ends',
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
      'TCP half-open towards the process',
    ],
    caughtBy: ['mutual exclusion', 'signal first'],
  },
  {
    name: 'wallClock',
    broken: 'the lease is measured with the wall clock',
    faults: ['clock moved back by an hour, and the process stopped', 'clock of the process moved by an hour'],
    times: 6,
    caughtBy: ['mutual exclusion', 'no handle comes back', 'nothing is lost without cause', 'signal first'],
  },
  {
    name: 'lateAnchor',
    broken: 'the lease counts from when the answer came',
    faults: ['TCP answers delayed by 900 ms, then half-open'],
    times: 3,
    caughtBy: ['signal first', 'mutual exclusion'],
  },
  {
    name: 'slowSignal',
    broken: 'a session that waits for an answer is given up only when that is overdue',
    faults: ['TCP half-open', 'TCP half-open towards the server'],
    times: 6,
    sessions: { heartbeat: '900ms', lease: '2s' },
    flows: 0, // busy sessions are answered often
    caughtBy: ['signal first'],
  },
  {
    name: 'ghosts',
    broken: 'what a wait that timed out has got all the same is kept',
    faults: ['a thousand timeouts racing grants'],
    times: 4,
    caughtBy: ['others get it in time', 'nothing is left'],
  },
  {
    name: 'cancelIsGrant',
    broken: 'a cancelled wait counts as granted',
    faults: ['backends cancelled, again and again'],
    times: 4,
    caughtBy: ['mutual exclusion', 'no lost update', 'tokens grow'],
  },
  {
    name: 'cancelIsDone',
    broken: 'a batch of tries and releases that was cancelled counts as done',
    faults: ['holder cancelled between the batches under way'],
    times: 8, // a cancel hits a release now and then
    caughtBy: ['mutual exclusion', 'no lost update', 'nothing is left', 'others get it in time'],
  },
  {
    name: 'strays',
    broken: 'what a failed batch has taken all the same is kept',
    faults: ["server's lock table full"],
    times: 3,
    caughtBy: ['others get it in time', 'nothing is left'],
  },
  {
    name: 'resurrect',
    broken: 'a lost lock is taken again behind the back of its holder',
    faults: ['backend terminated'],
    caughtBy: ['no handle comes back', 'mutual exclusion'],
  },
  {
    name: 'localToken',
    broken: 'each process counts fencing tokens for itself',
    failsByItself: true,
    faults: ['process stopped briefly'],
    caughtBy: ['tokens grow'],
  },
  {
    name: 'unflushedToken',
    broken: 'fencing tokens are given before they are on disk',
    faults: ['server killed (kill -9) and recovered', 'server away for a while'],
    times: 4,
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
    times: 6,
    caughtBy: ['others get it in time'],
  },
  {
    name: 'noListener',
    broken: 'connections without an error listener',
    faults: ['TCP cut'],
    times: 4,
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
    times: 8, // the lease may end the session before the shutdown asks it
    caughtBy: ['shutdown ends', 'others get it in time'],
  },
  {
    name: 'patientClose',
    broken: 'shutdown goes on trying to connect',
    faults: ['shutdown while it connects'],
    times: 6,
    caughtBy: ['shutdown ends', 'others get it in time'],
  },
  {
    name: 'hasty',
    broken: 'a session that is silent for a quarter of a second is given up',
    faults: ['event loop blocked briefly', 'process stopped briefly', 'TCP delayed by 150 ms each way'],
    sessions: { heartbeat: '50ms', lease: '2s' },
    caughtBy: ['nothing is lost without cause'],
  },
  {
    name: 'loneWaiter',
    broken: 'a wait whose session ended does not begin again',
    faults: ["waiter's backend terminated"],
    caughtBy: ['others get it in time'],
  },
  {
    name: 'inherited',
    broken: 'child processes inherit the connections of locks',
    faults: ['process killed (SIGKILL)'],
    sessions: { heartbeat: '300ms', lease: '20s' },
    flows: 0,
    caughtBy: ['others get it in time'],
  },
  {
    name: 'deafTransaction',
    broken: 'handles are not told when the session of a transaction ends',
    faults: ['PgBouncer restarted, a transaction-level lock behind it'],
    caughtBy: ['signal first', 'mutual exclusion'],
  },
  {
    name: 'pooled',
    broken: 'sessions go through the pooler, although there is a direct connection',
    faults: ['PgBouncer restarted beside a direct connection'],
    caughtBy: ['nothing is lost without cause'],
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
    failsByItself: true,
    faults: ['process stopped briefly'],
    times: 4,
    caughtBy: ['holdAtLeast'],
  },
  {
    name: 'notSticky',
    broken: '`sticky` is forgotten',
    failsByItself: true,
    faults: ['process stopped briefly'],
    times: 4,
    caughtBy: ['sticky'],
  },
  {
    name: 'allShared',
    broken: 'every lock is taken shared',
    failsByItself: true,
    faults: ['process stopped briefly'],
    times: 3,
    caughtBy: ['mutual exclusion', 'no lost update'],
  },
  {
    name: 'firstOnly',
    broken: 'of several ids only the first is locked',
    failsByItself: true,
    faults: ['process stopped briefly'],
    times: 3,
    caughtBy: ['mutual exclusion', 'no lost update'],
  },
  {
    name: 'contextual',
    broken: 'a flow that asks for an id that it holds runs at once, however it came to be in that flow',
    faults: ['task queues between flows'],
    caughtBy: ['mutual exclusion'],
    times: 4, // a queue runs a task in the flow of the holder only now and then
  },
  {
    name: 'swayed',
    broken: 'listeners of the application are told before the holders, and not each by itself',
    faults: ['backend terminated while every listener throws'],
    caughtBy: ['signal first', 'no process dies', 'others get it in time'],
  },
  {
    name: 'innerEnds',
    broken: 'the end of an inner lock ends the outer one, which is not told',
    faults: ['an inner maxHold is over'],
    caughtBy: ['mutual exclusion', 'nothing is lost without cause'],
  },
  {
    name: 'untoldInner',
    broken: 'works under an outer lock are not told of its loss',
    faults: ['an outer maxHold is over'],
    caughtBy: ['signal first', 'mutual exclusion'],
  },
  {
    name: 'passedOn',
    broken: 'a lock is passed on in its process without a look at whether it can be trusted',
    faults: ['event loop blocked with a crowd in line'],
    times: 4,
    caughtBy: ['mutual exclusion'],
  },
  {
    name: 'boundHolders',
    broken: 'sessions that hold what they have waited for count towards the bound on sessions',
    faults: ['ten locks that were waited for are held, and one more waits'],
    caughtBy: ['no waiter starves'],
  },
  {
    name: 'greedyReaders',
    broken: 'readers join readers of their process, although others wait elsewhere',
    faults: ['readers of all processes take turns'],
    caughtBy: ['no waiter starves'],
  },
  {
    name: 'silentProbes',
    broken: 'deadlocks are looked for within the process only',
    faults: ['a deadlock between two roles'],
    caughtBy: ['deadlocks end'],
  },
  {
    name: 'fortyHolds',
    broken: 'the search for deadlocks looks at only forty of the locks that a flow holds',
    faults: ['a deadlock among 500 held ids'],
    caughtBy: ['deadlocks end'],
  },
];

/** One broken engine under one fault. */
export interface Hunt extends Mutant {
  readonly fault: string;
}

/** Every broken engine under each of its faults, so far as they can happen here. */
export function hunts(): Hunt[] {
  const possible = new Set(POSSIBLE.map(({ name }) => name));
  const all = MUTANTS.flatMap((mutant) => mutant.faults.map((fault) => ({ ...mutant, fault })));
  return all.filter(({ fault }) => possible.has(fault));
}

/** Runs a broken engine until it is caught; the checks that caught it, with the first thing that each of them saw. */
export async function hunt(
  { name, fault, sessions, caughtBy, flows = 3, times = 2 }: Hunt,
  seed: number,
): Promise<Map<Check, string>> {
  const wanted = new Set<Check>(caughtBy);
  const { violations } = await chaos(
    {
      ...{ replicas: 4, seed, mutant: name, flows, patienceMs: 4_000, answersWithinMs: 6_000 },
      ...(sessions && { sessions }),
    },
    Array.from({ length: times }, () => faultNamed(fault)),
    (violations) => violations.some(({ check }) => wanted.has(check)),
  );
  const caught = new Map<Check, string>();
  for (const { check, what } of violations)
    if (wanted.has(check) && !caught.has(check)) caught.set(check, what);
  return caught;
}
