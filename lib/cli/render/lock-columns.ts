import type { PgActivity } from '../../inspection/pg-activity.js';
import { sessionAge } from '../../inspection/session-age.js';
import { isLockSession } from '../../vocabulary/lock-session-name.js';
import type { Column, ListedLock, StatementColumn } from './column.js';
import { lockedThing } from '../../inspection/lock-text.js';
import { spanText } from '../../vocabulary/span-text.js';
import { oneLine } from '../../vocabulary/one-line.js';

const text = (value: string | null | undefined): string => oneLine(value ?? '');
const span = (value: number | null | undefined): string =>
  value === null || value === undefined ? '' : spanText(value);
const hidden = ({ backendStart, pid }: PgActivity): boolean => backendStart === null && pid !== 0;

/** What a session does; `hidden` where the connected role may not see it. @internal */
export function stateText(activity: PgActivity): string {
  return hidden(activity) ? 'hidden' : text(activity.state ?? activity.backendType);
}

function stateOf(row: ListedLock): string {
  if (row.granted) return stateText(row.activity);
  return `waits ${span(row.waitDuration)}`.trim();
}

function ageOf({ heldSince, activity }: ListedLock): number | null {
  if (heldSince === null || heldSince === undefined) return sessionAge(activity);
  return Math.max(0, Date.now() - heldSince.getTime());
}

const pid = (title: string, of: (row: ListedLock) => number | undefined): Column => ({
  title,
  text: (row) => String(of(row) ?? ''),
  least: 7,
  style: () => 'cyan',
});
const PID = pid('pid', ({ activityId }) => activityId);
const APP: Column = { title: 'app', text: ({ activity }) => text(activity.applicationName), least: 8 };
const HOST: Column = {
  title: 'host',
  text: ({ activity }) => activity.clientAddress ?? (hidden(activity) ? '' : 'local'),
  least: 9,
};
const USER: Column = { title: 'user', text: ({ activity }) => text(activity.user), least: 6 };
const STATE: Column = {
  title: 'state',
  text: stateOf,
  least: 11,
  style: ({ granted }) => (granted ? undefined : 'red'),
};
const AGE: Column = { title: 'age', text: (row) => span(ageOf(row)), least: 6 };
const MODE: Column = { title: 'mode', text: ({ mode }) => mode, least: 12 };
const ON: Column = { title: 'on', text: lockedThing, least: 12 };

/** The columns of `pglock`. @internal */
export const LIST_COLUMNS: readonly Column[] = [PID, APP, USER, STATE, AGE, MODE, ON];
/** Of advisory locks also the host, which tells the replica. @internal */
export const ADVISORY_COLUMNS: readonly Column[] = [PID, APP, HOST, USER, STATE, AGE, MODE, ON];

/** The statement that a session runs, or ran last. @internal */
export const STATEMENT: StatementColumn = {
  title: 'statement',
  text: ({ activity }) => statementOf(activity),
  least: 24,
  style: () => 'dim',
  label: () => '  ',
  session: ({ activity }) => String(activity.pid),
};

/** The columns of `pglock --blocking`. @internal */
export const BLOCKING_COLUMNS: readonly Column[] = [
  pid('blocker', (row) => row.blockingActivityId),
  { ...APP, text: (row) => text(row.blockingActivity?.applicationName) },
  { ...USER, text: (row) => text(row.blockingActivity?.user) },
  {
    title: 'state',
    text: ({ blockingActivity }) => (blockingActivity === undefined ? '' : stateText(blockingActivity)),
    least: 11,
  },
  {
    title: 'age',
    text: ({ blockingActivity }) =>
      blockingActivity === undefined ? '' : span(sessionAge(blockingActivity)),
    least: 6,
  },
  pid('blocks', ({ activityId }) => activityId),
  { title: 'for', text: ({ waitDuration }) => span(waitDuration), least: 6, style: () => 'red' },
  MODE,
  ON,
];

/** Whose statement is whose. @internal */
export const BLOCKING_STATEMENTS: readonly StatementColumn[] = [
  {
    title: "blocker's statement",
    text: ({ blockingActivity }) => (blockingActivity === undefined ? '' : statementOf(blockingActivity)),
    least: 24,
    style: () => 'dim',
    label: ({ blockingActivity, blockingActivityId }) =>
      `  ${blockingActivityId ?? ''} ${blockingActivity?.state === 'active' ? 'runs' : 'last ran'}: `,
    session: ({ blockingActivityId }) => `b${blockingActivityId ?? ''}`,
  },
  {
    title: 'blocked statement',
    text: ({ activity }) => statementOf(activity),
    least: 24,
    style: () => 'dim',
    label: ({ activityId, activity }) => `  ${activityId} (${whoText(activity)}) waits in: `,
    session: ({ activityId }) => `w${activityId}`,
  },
];

/** Application and user. @internal */
export function whoText({ applicationName, user }: PgActivity): string {
  return [applicationName, user].map(text).filter(Boolean).join(', ');
}

/** A statement on one line; nothing where it may not be seen. @internal */
export function statementOf({ query, applicationName }: PgActivity): string {
  // A lock session shows that it lives, which says nothing.
  if (query === '<insufficient privilege>' || (isLockSession(applicationName) && query === 'SELECT'))
    return '';
  return text(query);
}
