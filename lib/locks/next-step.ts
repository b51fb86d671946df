import type { HeldKey, LockWait } from '../session/lock-store.js';
import type { NextPlace } from './next-place.js';

/** For how long a key goes from flow to flow of a process that is alone with it before others could have it. */
export const LOCAL_HANDOFF_MS = 10;
/**
 * The turn of a process that may not be alone: so many works, so that turns are alike on processes that are not equally quick,
 * and no more than so long. What time has cut off a turn is made up for in the next ones: see {@link owedAfter}.
 */
export const TURN = { works: 256, ms: 5, mostOwed: 768 };

/** What this process has of one key at the server. @internal */
export type ServerState =
  | { readonly at: 'free' }
  | { readonly at: 'trying'; readonly shared: boolean }
  | { readonly at: 'waiting'; readonly shared: boolean; readonly wait: LockWait }
  | HeldState;

/** The server has given the key to this process. @internal */
export interface HeldState {
  readonly at: 'held';
  readonly lock: HeldKey;
  /** Whether other processes may want it: they did of late, or nothing is known. */
  readonly isContended: boolean;
  /** How many works had it so far. */
  works: number;
  /** How many works its turn is of. */
  readonly turn: number;
  /** Since when works of this process may hand it on among themselves, on the monotonic clock. */
  handoffSince: number;
  /** Whether another process waits for it: not known, being asked, or known. */
  awaited: 'unknown' | 'asking' | 'yes';
  /** Where it is shared: the place of the writer that waits here, in the server's queue. */
  next?: NextPlace | undefined;
}

/** The first who wants the key. @internal */
export interface Wanted {
  readonly shared: boolean;
}

/** Those who want the key in other processes. @internal */
export interface Others {
  /** Whether some of them came before the first here, and would be passed. */
  cameBefore(): boolean;
  /** The same where the key is then given up to them: a few times for each. */
  makesRoom(): boolean;
}

/** What is to be done next. @internal */
export type Step =
  | 'nothing'
  | 'grant'
  | 'try'
  | 'cancel wait'
  | 'stay in line'
  | 'unlock'
  | 'unlock and line up'
  | 'queue'
  | 'cancel next'
  | 'queue and ask';

/**
 * The rule of the queue of one key: what to do next for the first who wants it. Pure; others carry out what it says.
 *
 * @param server what this process has of the key at the server.
 * @param holders how many works here hold it.
 * @param head the first who wants it.
 * @param sticky whether the process keeps the key when no work needs it.
 * @param now the monotonic clock.
 * @param others asked where the first would have the key now.
 * @internal
 */
export function nextStep(
  server: ServerState,
  holders: number,
  head: Wanted | undefined,
  sticky: boolean,
  now: () => number,
  others: Others,
): Step {
  switch (server.at) {
    case 'free':
      return head === undefined ? 'nothing' : 'try';
    case 'trying':
      return 'nothing';
    case 'waiting':
      return head?.shared === server.shared ? 'stay in line' : 'cancel wait';
    case 'held':
      if (server.next !== undefined) return withNext(holders, head, sticky);
      if (holders > 0) return head === undefined ? 'nothing' : besideHolders(server, head, now, others);
      if (head === undefined) return sticky ? 'nothing' : 'unlock';
      return betweenWorks(server, head, sticky, now, others);
  }
}

/** At the end of a turn, the rest of those here wait in the server's queue, behind the processes that stand there. */
function betweenWorks(
  server: HeldState,
  head: Wanted,
  sticky: boolean,
  now: () => number,
  others: Others,
): Step {
  if (!mayHandOn(server, head, sticky, now))
    return server.isContended && !head.shared ? 'unlock and line up' : 'unlock';
  return !sticky && others.makesRoom() ? 'unlock and line up' : 'grant';
}

/** What no work holds is handed on only while it can be trusted: else it goes back, and is asked for anew. */
function mayHandOn(server: HeldState, head: Wanted, sticky: boolean, now: () => number): boolean {
  if (!server.lock.alive || server.lock.shared !== head.shared) return false;
  return sticky || isHandoffTime(server, now);
}

/** A writer stands in the server's queue behind the readers of this process; it leaves that where it is not wanted. */
function withNext(holders: number, head: Wanted | undefined, sticky: boolean): Step {
  if (holders === 0 && (head !== undefined || !sticky)) return 'unlock';
  return head?.shared === false ? 'nothing' : 'cancel next';
}

/** Readers join readers, as long as no other process waits for its turn. */
function besideHolders(server: HeldState, head: Wanted, now: () => number, others: Others): Step {
  if (!server.lock.shared || !head.shared || !server.lock.alive || others.cameBefore()) return 'queue';
  if (isHandoffTime(server, now)) return 'grant';
  return server.awaited === 'unknown' ? 'queue and ask' : 'queue';
}

function isHandoffTime(held: HeldState, now: () => number): boolean {
  if (held.awaited === 'yes' || (held.isContended && held.works >= held.turn)) return false;
  if (held.works === 0) return true; // it was acquired just now, for the first of them
  return now() - held.handoffSince < (held.isContended ? TURN.ms : LOCAL_HANDOFF_MS);
}

/**
 * How many works a process has in its next turn beside those of any turn: as many as time has cut off this one and those before, for which
 * a neighbour on the machine is to be blamed, up to a few turns.
 *
 * @internal
 */
export function owedAfter({ turn, works }: HeldState): number {
  return Math.min(Math.max(0, turn - works), TURN.mostOwed);
}
