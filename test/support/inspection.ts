import { BlockedPgLocks } from '../../lib/inspection/blocked-pg-locks.js';
import type { InspectionParts } from '../../lib/inspection/lock-inspector.js';
import { PgLocks } from '../../lib/inspection/pg-locks.js';
import { connectorTo } from '../../lib/session/connector.js';
import { ObserverSession } from '../../lib/session/observer-session.js';
import { targetTable } from '../../lib/transaction/resolve-target.js';
import { advisoryKey, type AdvisoryKey, type LockId } from '../../lib/vocabulary/lock-id.js';
import type { TestDatabase } from './database.js';

export interface Inspection {
  readonly locks: PgLocks;
  readonly blocked: BlockedPgLocks;
  readonly observer: ObserverSession;
}

/** Inspection of a database, with a connection of its own that closes after the test. */
export function inspect(
  db: TestDatabase,
  { url = db.url, ...parts }: Partial<InspectionParts> & { readonly url?: string } = {},
): Inspection {
  const observer = new ObserverSession(connectorTo(url), { purpose: 'inspection' });
  db.defer(() => observer.close());
  const all: InspectionParts = {
    observer,
    names: names('billing.close'),
    namespace: '',
    tableOf: (target) => targetTable(target),
    configs: {},
    ...parts,
  };
  return { locks: new PgLocks(all), blocked: new BlockedPgLocks(all), observer };
}

/** Knows the names of these ids. */
export function names(...ids: readonly LockId[]): InspectionParts['names'] {
  const text = (key: AdvisoryKey) => `${key.classId}:${key.objId}:${key.objSubId}`;
  const known = new Map(ids.map((id) => [text(advisoryKey(id)), id]));
  return { nameOf: (key) => known.get(text(key)), keyOf: (id) => known.set(text(advisoryKey(id)), id) };
}
