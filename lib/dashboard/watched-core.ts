import { createHash } from 'node:crypto';
import type { LockDatabase } from '../core/lock-database.js';
import type { AdvisoryLocks } from '../locks/advisory-locks.js';
import { lockKey } from '../vocabulary/lock-id.js';
import { outsideFlows } from '../vocabulary/flow-variable.js';
import type { SamplerLock } from './fleet/fleet-port.js';
import type { WatchedDatabase } from './watched-database.js';

/**
 * Its holder samples the database, whatever its namespace is: ids that are numbers have none. The `bigint` of the first 8
 * bytes, read little-endian, of the SHA-256 of `nestjs-pglock dashboard`. Part of the contract between versions.
 */
const SAMPLER_ID = createHash('sha256').update('nestjs-pglock dashboard').digest().readBigInt64LE();

/** The module's defaults for locks are not for this one. */
const TRY = { timeout: 0, onContention: 'skip', holdAtLeast: 0, maxHold: Number.MAX_SAFE_INTEGER } as const;

/** A database of the application, as the dashboard looks at it. @internal */
export function watchedDatabase(core: LockDatabase): WatchedDatabase {
  const { source, peers, advisory, names } = core;
  names.call(lockKey(SAMPLER_ID), 'pglock dashboard');
  const fleet = { peers, tryLock: () => outsideFlows(() => trySampler(advisory)) };
  return { ...visitedDatabase(core), fleet, instance: source.instance };
}

/** A database as a process looks at it that takes no lock there. @internal */
export function visitedDatabase(core: LockDatabase): WatchedDatabase {
  const { name, admin, service, lockReports, leaders } = core;
  const { observer, locks, blocked } = admin;
  return {
    ...{ name, observer, locks, blocked, jobs: service.jobs },
    fleet: undefined,
    instance: undefined,
    reports: () => outsideFlows(() => lockReports.find()),
    leaders: () => outsideFlows(() => leaders.find()).catch(() => []),
  };
}

async function trySampler(advisory: AdvisoryLocks): Promise<SamplerLock | null> {
  return advisory.acquire(SAMPLER_ID, TRY);
}
