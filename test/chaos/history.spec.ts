import { HistoryChecker, type FaultWindow, type HistoryEvent, type LoggedWrite } from '../support/history.js';

type Told = Partial<HistoryEvent> & Pick<HistoryEvent, 'e' | 't'>;

interface Story {
  readonly events: readonly Told[];
  readonly faults?: readonly FaultWindow[];
  readonly counters?: readonly LoggedWrite[];
  readonly guarded?: readonly LoggedWrite[];
}

/** One handle from when it was got until it was let go; the replica is its first letter. */
function holding(h: string, from: number, to: number, more: Partial<HistoryEvent> = {}): Told[] {
  return [
    { e: 'got', t: from, h, keys: ['k'], ...more },
    { e: 'alive', t: (from + to) / 2, h },
    { e: 'rel', t: to, h, held: true },
  ];
}

/** One handle that was seen to be held at those moments, and at no other. */
function watching(h: string, [from = 0, ...seen]: readonly number[]): Told[] {
  return [{ e: 'got', t: from, h, keys: ['k'] }, ...seen.map((t): Told => ({ e: 'alive', t, h }))];
}

function every10Ms(from: number, to: number): number[] {
  return Array.from({ length: (to - from) / 10 + 1 }, (_, i) => from + 10 * i);
}

function asking(h: string, t: number, token: number): Told {
  return { e: 'tok', t, h, since: t - 1, token: String(token), live: true };
}

function written(writer: string, seen: number, was: number): LoggedWrite {
  return { seq: 0, key: 'k', writer, seen, was, token: null };
}

const ended = (imposed: boolean): FaultWindow => ({ name: 'cut', from: 0, to: 400, imposed });

function judge({ events, faults = [], counters = [], guarded = [] }: Story): string[] {
  const told = events.map((event) => ({ r: event.h?.[0] ?? 'a', ...event }));
  const checker = new HistoryChecker(
    told.sort((a, b) => a.t - b.t),
    faults,
  );
  return checker.check({ counters, guarded }).violations.map(({ check }) => check);
}

const wrote = (h: string, t: number): Told => ({ e: 'wrote', t, h, key: 'k', live: true });

describe('the checker says nothing of', () => {
  const innocent: Record<string, Story> = {
    'holders one after the other': {
      events: [
        ...[...holding('a1', 0, 100), asking('a1', 50, 7), wrote('a1', 60)],
        ...[...holding('b1', 110, 200), asking('b1', 150, 8), wrote('b1', 160)],
      ],
      counters: [written('a1', 0, 0), written('b1', 1, 1)],
      guarded: [written('a1', 7, 0), written('b1', 8, 7)],
    },
    'shared holders side by side': {
      events: [...holding('a1', 0, 100, { shared: true }), ...holding('b1', 50, 150, { shared: true })],
    },
    'holders of different ids': {
      events: [...holding('a1', 0, 100), ...holding('b1', 0, 100, { keys: ['l'] })],
    },
    'news that are under way': {
      events: [...holding('a1', 0, 100), ...holding('b1', 90, 200)],
      faults: [ended(true)],
    },
    'news that come to a process that was given no time to run': {
      events: [...watching('a1', [0, 10, 20, 900]), ...holding('b1', 850, 950)],
      faults: [{ ...ended(true), from: 15, to: 16 }],
    },
    'a lock that is kept, and passed on when its replica ends': {
      events: [
        ...holding('a1', 0, 10, { sticky: true }),
        { e: 'closing', t: 20, r: 'a' },
        ...holding('b1', 30, 40),
      ],
    },
    'a writer that no longer held it when it wrote': {
      events: [...holding('a1', 0, 100), wrote('a1', 60), ...holding('b1', 110, 200)],
      counters: [written('a1', 0, 0), written('b1', 0, 1)],
    },
  };
  it.each(Object.entries(innocent))('%s', (_, story) => expect(judge(story)).toEqual([]));
});

describe('the checker catches', () => {
  const guilty: Record<string, readonly [string, Story]> = {
    'two holders at once': [
      'mutual exclusion',
      { events: [...holding('a1', 0, 100), ...holding('b1', 90, 200)] },
    ],
    'two holders at once although only a lease ran out': [
      'mutual exclusion',
      { events: [...holding('a1', 0, 100), ...holding('b1', 90, 200)], faults: [ended(false)] },
    ],
    'two holders at once for longer than news take': [
      'mutual exclusion',
      {
        events: [...watching('a1', every10Ms(0, 900)), ...holding('b1', 90, 950)],
        faults: [ended(true)],
      },
    ],
    'two holders at once for longer than news take, of which a process that did not run is no excuse': [
      'mutual exclusion',
      {
        events: [...watching('a1', [0, ...every10Ms(300, 900)]), ...holding('b1', 90, 950)],
        faults: [ended(true)],
      },
    ],
    'a reader beside a writer': [
      'mutual exclusion',
      { events: [...holding('a1', 0, 100, { shared: true }), ...holding('b1', 90, 200)] },
    ],
    'two holders of one of several ids': [
      'mutual exclusion',
      { events: [...holding('a1', 0, 100, { keys: ['j', 'k'] }), ...holding('b1', 90, 200)] },
    ],
    'a token that does not grow': [
      'tokens grow',
      {
        events: [
          ...holding('a1', 0, 100),
          asking('a1', 50, 7),
          ...holding('b1', 110, 200),
          asking('b1', 150, 7),
        ],
      },
    ],
    'a lost update': [
      'no lost update',
      {
        events: [...holding('a1', 0, 100), wrote('a1', 60), ...holding('b1', 110, 200), wrote('b1', 160)],
        counters: [written('a1', 0, 0), written('b1', 0, 1)],
      },
    ],
    'a stale writer whose guarded write was taken': [
      'stale writers are refused',
      {
        events: [...holding('a1', 0, 100), ...holding('b1', 110, 200)],
        guarded: [written('b1', 8, 0), written('a1', 7, 8)],
      },
    ],
    'a lock let go before its time': [
      'holdAtLeast',
      { events: [...holding('a1', 0, 10, { atLeast: 150 }), ...holding('b1', 60, 90)] },
    ],
    'a kept lock that goes to another for no reason': [
      'sticky',
      { events: [...holding('a1', 0, 10, { sticky: true }), ...holding('b1', 30, 40)] },
    ],
    'a handle that comes back': [
      'no handle comes back',
      { events: [...holding('a1', 0, 100), { e: 'lost', t: 20, h: 'a1' }] },
    ],
    'a process that dies': ['no process dies', { events: [{ e: 'crash', t: 1, message: 'no listener' }] }],
    'an error of nobody’s': [
      'errors are typed',
      { events: [{ e: 'err', t: 1, name: 'TypeError', message: 'undefined is not a function' }] },
    ],
  };
  it.each(Object.entries(guilty))('%s', (_, [check, story]) => {
    expect(new Set(judge(story))).toEqual(new Set([check]));
  });
});
