import { ACTIVITY_NAMES, LOCK_ATTRIBUTES, type AttributeKind } from '../sql/inspection-attributes.js';
import { LockKey, type AdvisoryKey } from '../vocabulary/lock-id.js';
import type { TreeMember } from './blocking-tree.js';
import type { LockNames } from './lock-names.js';
import type { AdvisoryName } from './names/advisory-name.js';
import { advisoryNamesOf, registeredNamesOf, type NamingContext } from './names/advisory-names.js';
import type { PgActivity } from './pg-activity.js';
import type { BlockedPgLock, PgLock } from './pg-lock.js';
import { readContext } from './query-context.js';

/** A row as the observer session hands it out: the server's own text. @internal */
export type TextRow = Readonly<Record<string, string | null>>;

const NO_NAMES: readonly AdvisoryName[] = Object.freeze([]);
const LOCK_NAMES = Object.keys(LOCK_ATTRIBUTES).filter(
  (path) => !path.includes('.') && path !== 'advisoryKey',
);
const ACTIVITY_KINDS = ACTIVITY_NAMES.map(
  (name) => [name, LOCK_ATTRIBUTES[`activity.${name}`] as AttributeKind] as const,
);

/**
 * Turns the rows of one answer into frozen models. A session that has ten thousand locks is decoded once: make one decoder
 * an answer.
 *
 * @internal
 */
export class RowDecoder {
  readonly #activities = new Map<string, PgActivity>();
  readonly #names: LockNames;
  readonly #naming: NamingContext;

  constructor(names: LockNames, naming: NamingContext = {}) {
    this.#names = names;
    this.#naming = naming;
  }

  lock(row: TextRow): PgLock {
    return Object.freeze(this.#lock(row));
  }

  blockedLock(row: TextRow): BlockedPgLock {
    return Object.freeze({
      ...this.#lock(row),
      blockingActivityId: Number(row['blockingActivityId']),
      blockingActivity: this.activity(row, 'blockingActivity', row['blockingActivityId'] ?? null),
    });
  }

  treeMember(row: TextRow): TreeMember {
    const key = row['key'] ?? '';
    return {
      key,
      activity: this.activity(row, 'activity', key.startsWith('-') ? '0' : key),
      preparedTransaction: row['preparedTransaction'] ?? null,
      lock: (row['type'] ?? null) === null ? null : this.lock(row),
      blockers: row['blockers']?.split(',') ?? [],
    };
  }

  /** @param pid stands in where the session itself was gone before it could be looked at. */
  activity(row: TextRow, prefix: 'activity' | 'blockingActivity', pid: string | null): PgActivity {
    const found = row[`${prefix}.pid`] ?? pid;
    const key = found === '0' ? `prepared ${row[`${prefix}.query`] ?? ''}` : String(found);
    const known = this.#activities.get(key);
    if (known !== undefined) return known;
    const decoded = Object.fromEntries(
      ACTIVITY_KINDS.map(([name, kind]) => [name, decode(row[`${prefix}.${name}`] ?? null, kind)]),
    );
    decoded['pid'] = Number(found);
    decoded['context'] = readContext(
      row[`${prefix}.context`] ?? null,
      row[`${prefix}.applicationName`] ?? null,
    );
    const activity = Object.freeze(decoded) as unknown as PgActivity;
    this.#activities.set(key, activity);
    return activity;
  }

  #lock(row: TextRow): PgLock {
    const decoded = Object.fromEntries(
      LOCK_NAMES.map((name) => [name, decode(row[name] ?? null, LOCK_ATTRIBUTES[name] as AttributeKind)]),
    );
    const advisoryKey = keyOf(row['advisoryKey'] ?? null);
    const activity = this.activity(row, 'activity', row['activityId'] ?? null);
    const advisoryId = advisoryKey === null ? null : (this.#names.nameOf(advisoryKey) ?? null);
    const advisoryNames =
      advisoryKey === null ? NO_NAMES : this.#namesOf(advisoryKey, advisoryId !== null, activity);
    return { ...decoded, advisoryKey, advisoryId, advisoryNames, activity } as PgLock;
  }

  /** What has an id of the application's is taken by no other software. */
  #namesOf(key: AdvisoryKey, hasId: boolean, { applicationName }: PgActivity): readonly AdvisoryName[] {
    if (hasId) return registeredNamesOf(key, this.#naming);
    return advisoryNamesOf(key, { ...this.#naming, applicationName });
  }
}

function decode(value: string | null, kind: AttributeKind): unknown {
  if (value === null) return null;
  switch (kind) {
    case 'integer':
    case 'duration':
      return Number(value);
    case 'boolean':
      return value === 't';
    case 'timestamp':
      return new Date(Number(value));
    default:
      return value;
  }
}

/** The advisory keys in rows that have no name yet. @internal */
export function unnamedKeys(rows: readonly TextRow[], names: LockNames): readonly AdvisoryKey[] {
  const texts = new Set(rows.map((row) => row['advisoryKey'] ?? null));
  return [...texts]
    .map(keyOf)
    .filter((key) => key !== null)
    .filter((key) => names.nameOf(key) === undefined);
}

/** The key that a `LockKey.text` spells. */
function keyOf(text: string | null): AdvisoryKey | null {
  if (text === null) return null;
  const [classId = 0, objId = 0, objSubId = 1] = text.split(':').map(Number);
  return LockKey.ofAdvisoryKey({ classId, objId, objSubId: objSubId === 2 ? 2 : 1 }).toAdvisoryKey();
}
