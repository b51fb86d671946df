import { createHash } from 'node:crypto';
import type { PgLockCore } from '../core/pg-lock-core.js';
import type { AdvisoryLocks } from '../locks/advisory-locks.js';
import { outsideFlows } from '../vocabulary/flow-variable.js';
import type { SamplerLock } from './fleet/fleet-port.js';
import type { WatchedDatabase } from './watched-database.js';

/**
 * Whoever holds it samples the database, whatever its namespace is: ids that are numbers have none. The `bigint` of the first 8
 * bytes, read little-endian, of the SHA-256 of `nestjs-pglock dashboard`. Part of the contract between versions.
 */
const SAMPLER_ID = createHash('sha256').update('nestjs-pglock dashboard').digest().readBigInt64LE();

/** The module's defaults for locks are not for this one. */
const TRY = { timeout: 0, onContention: 'skip', holdAtLeast: 0, maxHold: Number.MAX_SAFE_INTEGER } as const;

/** A database of the application, as the dashboard looks at it. @internal */
export function watchedDatabase(core: PgLockCore): WatchedDatabase {
  const { name, admin, source, service, peers, advisory, names } = core;
  const { observer, locks, blocked } = admin;
  names.call(names.keyOf(SAMPLER_ID), 'pglock dashboard');
  const fleet = { peers, tryLock: () => outsideFlows(() => trySampler(advisory)) };
  return { name, observer, locks, blocked, fleet, instance: source.instance, jobs: service.jobs };
}

async function trySampler(advisory: AdvisoryLocks): Promise<SamplerLock | null> {
  return advisory.acquire(SAMPLER_ID, TRY);
}
