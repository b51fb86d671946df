import { oneLine } from '../vocabulary/one-line.js';
import { spanText } from '../vocabulary/span-text.js';
import type { PgActivity } from './pg-activity.js';
import type { PgLock } from './pg-lock.js';
import { sessionAge } from './session-age.js';

/** `backend 4711 (orders-api pglock:locks, app, 10.0.0.3), idle, for 3m12s`. @internal */
export function holderText({ activity }: Pick<PgLock, 'activity'>): string {
  const age = sessionAge(activity);
  return [
    `backend ${activity.pid}${inBrackets(activity)}`,
    oneLine(activity.state ?? ''),
    age === null ? '' : `for ${spanText(age)}`,
  ]
    .filter((part) => part !== '')
    .join(', ');
}

function inBrackets({ applicationName, user, clientAddress }: PgActivity): string {
  const parts = [applicationName, user, clientAddress].map((part) => oneLine(part ?? '')).filter(Boolean);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}
