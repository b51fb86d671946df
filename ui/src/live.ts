import { address, get, Refused } from './api.js';
import { Store } from './store.js';
import { sync } from './time.js';
import type { Marker, Now, Timeline, Wait } from './wire.js';

export type Status = 'connecting' | 'live' | 'reconnecting' | 'refused' | 'replay';

export interface LiveState {
  readonly status: Status;
  readonly now: Now | null;
  /** Why the database could not be asked, while it cannot. */
  readonly trouble: string | null;
  readonly waits: ReadonlyMap<string, Wait>;
  readonly markers: readonly Marker[];
  readonly since: string | null;
}

const NOTHING: LiveState = {
  status: 'connecting',
  now: null,
  trouble: null,
  waits: new Map(),
  markers: [],
  since: null,
};
const SILENCE_MS = 15_000;
const LONGEST_PAUSE_MS = 5_000;

export const live = new Store<LiveState>(NOTHING);

let source: EventSource | undefined;
let connection: string | undefined;
let lastEventId: string | undefined;
let pauseMs = 500;
let retry: number | undefined;
let silence: number | undefined;

/** Follows a database, from now on and until another is followed. */
export function follow(name: string | undefined): void {
  connection = name;
  lastEventId = undefined;
  live.set(NOTHING);
  open();
}

/** Shows what a recording has, in place of following anything. */
export function show(now: Now, timeline: Timeline): void {
  close();
  live.set({ ...NOTHING, status: 'replay', now, ...entriesOf(timeline) });
}

function close(): void {
  source?.close();
  source = undefined;
  clearTimeout(retry);
  clearTimeout(silence);
}

function open(): void {
  close();
  const opened = new EventSource(address('events', { connection, lastEventId }));
  source = opened;
  const on = (name: string, told: (data: never) => void) => {
    opened.addEventListener(name, (event: MessageEvent<string>) => {
      heard(event.lastEventId);
      told(JSON.parse(event.data) as never);
    });
  };
  on('now', (now: Now) => {
    sync(now.at);
    live.update((state) => ({ ...state, status: 'live', now, trouble: null }));
  });
  on('at', ({ at }: { at: string }) => {
    sync(at);
    live.update((state) => ({
      ...state,
      status: 'live',
      trouble: null,
      now: state.now === null ? null : { ...state.now, at },
    }));
  });
  on('waits', (waits: readonly Wait[]) =>
    live.update((state) => ({ ...state, waits: merged(state.waits, waits) })),
  );
  on('marker', (marker: Marker) =>
    live.update((state) => ({ ...state, markers: [...state.markers, marker] })),
  );
  on('trouble', ({ message }: { message: string }) =>
    live.update((state) => ({ ...state, trouble: message })),
  );
  on('refused', () => refused());
  opened.onopen = () => {
    pauseMs = 500;
    heard('');
    void fill();
  };
  opened.onerror = () => broken(opened);
  heard('');
}

function heard(id: string): void {
  if (id !== '') lastEventId = id;
  clearTimeout(silence);
  silence = window.setTimeout(() => source !== undefined && broken(source, true), SILENCE_MS);
}

/** The browser tries again by itself, unless it was answered with an error. */
function broken(opened: EventSource, silent = false): void {
  if (opened !== source) return;
  live.update((state) => ({
    ...state,
    status: state.status === 'connecting' ? 'connecting' : 'reconnecting',
  }));
  if (opened.readyState !== EventSource.CLOSED && !silent) return;
  close();
  retry = window.setTimeout(() => void again(), pauseMs);
  pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
}

async function again(): Promise<void> {
  try {
    await get('meta');
    open();
  } catch (error) {
    if (error instanceof Refused && (error.status === 401 || error.status === 403)) {
      refused();
      return;
    }
    live.update((state) => ({ ...state, status: 'reconnecting' }));
    retry = window.setTimeout(() => void again(), pauseMs);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

function refused(): void {
  close();
  live.update((state) => ({ ...state, status: 'refused' }));
}

/** What happened before we came, or while we were away. */
async function fill(): Promise<void> {
  try {
    const timeline = await get<Timeline>('timeline', { connection });
    const { waits, markers, since } = entriesOf(timeline);
    live.update((state) => ({
      ...state,
      since,
      waits: merged(
        waits,
        [...state.waits.values()].filter(({ id }) => !waits.has(id)),
      ),
      markers: [...markers, ...state.markers.filter(({ id }) => !markers.some((marker) => marker.id === id))],
    }));
  } catch {
    // The stream tells what is wrong, and fills again when it is back.
  }
}

function entriesOf({ items, since }: Timeline): Pick<LiveState, 'waits' | 'markers' | 'since'> {
  const waits = new Map<string, Wait>();
  const markers: Marker[] = [];
  for (const item of items)
    if (item.type === 'wait') waits.set(item.id, item);
    else markers.push(item);
  return { waits, markers, since };
}

function merged(before: ReadonlyMap<string, Wait>, changed: readonly Wait[]): ReadonlyMap<string, Wait> {
  const waits = new Map(before);
  for (const wait of changed) waits.set(wait.id, wait);
  return waits;
}
