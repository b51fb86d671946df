import type { Activity, Lock } from '../wire.js';

/** `ACCESS_EXCLUSIVE` as SQL spells it. */
export function modeText(mode: string): string {
  return mode.replaceAll('_', ' ');
}

/** Who it is, in a few words. */
export function applicationOf({ applicationName, backendType }: Activity): string {
  const isClient = backendType === null || backendType === 'client backend';
  return nameOf(applicationName, isClient ? undefined : backendType);
}

/** What a session calls itself; what stands behind a semicolon is context, and shown as such. */
export function nameOf(applicationName: string | null, otherwise = 'no name'): string {
  return applicationName?.split(';')[0]?.trim() || otherwise;
}

export function whereFrom({ user, clientAddress }: Activity): string {
  return `${user ?? 'unknown role'} @ ${clientAddress ?? 'local socket'}`;
}

/** Where in the application the session is: what code attached to its statement or name. */
export function contextOf({ context }: Activity): string | null {
  if (context === null) return null;
  const entries = Object.entries(context);
  for (const wanted of ['job', 'route', 'handler', 'url', 'action', 'controller'])
    for (const [key, value] of entries) if (key === wanted) return `${key}: ${textOf(value)}`;
  const [first] = entries;
  return first === undefined ? null : `${first[0]}: ${textOf(first[1])}`;
}

export function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : JSON.stringify(value);
}

/** A statement on one line. */
export function oneLine(query: string): string {
  return query.replace(/\s+/g, ' ').trim();
}

/** Since when a session waits; before PostgreSQL 14 the server does not tell, and its statement's beginning stands in. */
export function waitingSince(activity: Activity, lock: Pick<Lock, 'waitStart'>): string | null {
  return lock.waitStart ?? activity.queryStart;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}
