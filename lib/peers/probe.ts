import { isRecord } from './peer-message.js';
import type { PeerMessageKind } from './peers.js';

/** A longer chain of flows is not followed: its probe would not fit into a notification. */
export const MOST_HOPS = 120;

/**
 * One step of a chase: a flow that holds what the step before waits for, and the wait of that flow. Written as
 * `[process, hold, wait, since]`.
 *
 * @internal
 */
export type Hop = readonly [process: string, hold: number, wait: number, since: number];

const PHASES = ['seek', 'confirm', 'refuse'] as const;

/**
 * What a chase does on its way: it *seeks* the way home, follows the same way once more to *confirm* it, and once more to
 * *refuse* the youngest wait on it.
 *
 * @internal
 */
export type ProbePhase = (typeof PHASES)[number];

/** A question that travels along waits: "who holds this, and for what does its flow wait?" @internal */
export interface Probe {
  /** The process that began it, and its number there. */
  readonly origin: string;
  readonly round: number;
  readonly phase: ProbePhase;
  /** The key whose holders are asked next. */
  readonly key: string;
  /** The way so far, while seeking; then the whole way, which it follows again. */
  readonly path: readonly Hop[];
  /** How many steps of the way are done. */
  readonly at: number;
}

/** @internal */
export const PROBE: PeerMessageKind<Probe> = { name: 'probe', read: readProbe };

/** Whether this is the wait of the path that began last, by the clocks of those who wait; ties are broken alike everywhere. @internal */
export function isYoungest(hop: Hop, path: readonly Hop[]): boolean {
  return path.every((other) => !isYounger(other, hop));
}

/** Whether two hops are the same hold and the same wait. @internal */
export function isSameHop(a: Hop, b: Hop | undefined): boolean {
  return a[0] === b?.[0] && a[1] === b[1] && a[2] === b[2];
}

function isYounger(a: Hop, b: Hop): boolean {
  if (a[3] !== b[3]) return a[3] > b[3];
  return a[0] === b[0] ? a[2] > b[2] : a[0] > b[0];
}

function readProbe(body: unknown): Probe | undefined {
  if (!isRecord(body)) return undefined;
  const { origin, round, phase, key, path, at } = body;
  if (!isName(origin) || !isNumber(round) || !isPhase(phase)) return undefined;
  if (!isKey(key) || !isPath(path) || !isNumber(at) || at > path.length) return undefined;
  return { origin, round, phase, key, path, at };
}

function isPath(value: unknown): value is Hop[] {
  return Array.isArray(value) && value.length <= MOST_HOPS && value.every(isHop);
}

function isHop(value: unknown): value is Hop {
  if (!Array.isArray(value) || value.length < 4) return false;
  const [process, ...numbers] = value as readonly unknown[];
  return isName(process) && numbers.every(isNumber);
}

function isPhase(value: unknown): value is ProbePhase {
  return PHASES.some((phase) => phase === value);
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 24;
}

function isKey(value: unknown): value is string {
  return typeof value === 'string' && /^\d{1,10}:\d{1,10}:[12]$/.test(value);
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
