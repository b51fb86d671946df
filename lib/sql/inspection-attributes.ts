/**
 * What an attribute holds: how it is decoded, and with what it may be compared.
 *
 * `duration` is a number of milliseconds, `timestamp` milliseconds of the Unix epoch, `key` a `LockKey.text`.
 *
 * @internal
 */
export type AttributeKind = 'integer' | 'text' | 'boolean' | 'duration' | 'timestamp' | 'key';

/** Attributes by their path; the path is also the name of the column. Nothing outside such a table reaches SQL. @internal */
export type AttributeTable = Readonly<Record<string, AttributeKind>>;

const ACTIVITY = {
  pid: 'integer',
  database: 'text',
  user: 'text',
  applicationName: 'text',
  clientAddress: 'text',
  backendType: 'text',
  state: 'text',
  waitEventType: 'text',
  waitEvent: 'text',
  query: 'text',
  context: 'text',
  duration: 'duration',
  xactDuration: 'duration',
  backendStart: 'timestamp',
  xactStart: 'timestamp',
  queryStart: 'timestamp',
  stateChange: 'timestamp',
  backendStartText: 'text',
} as const satisfies AttributeTable;

const LOCK = {
  activityId: 'integer',
  type: 'text',
  mode: 'text',
  granted: 'boolean',
  waitStart: 'timestamp',
  waitDuration: 'duration',
  relKind: 'text',
  relName: 'text',
  relSchema: 'text',
  advisoryKey: 'key',
  transactionId: 'text',
  preparedTransaction: 'text',
} as const satisfies AttributeTable;

function under(prefix: string): AttributeTable {
  return Object.fromEntries(Object.entries(ACTIVITY).map(([name, kind]) => [`${prefix}.${name}`, kind]));
}

/** Every attribute of a row of `PgLocks`. @internal */
export const LOCK_ATTRIBUTES: AttributeTable = Object.freeze({ ...LOCK, ...under('activity') });

/** Every attribute of a row of `BlockedPgLocks`. @internal */
export const BLOCKED_ATTRIBUTES: AttributeTable = Object.freeze({
  ...LOCK_ATTRIBUTES,
  blockingActivityId: 'integer',
  ...under('blockingActivity'),
});

/** The names of the attributes of an activity. @internal */
export const ACTIVITY_NAMES = Object.freeze(Object.keys(ACTIVITY));
