import type { Client } from 'pg';
import { PoolerError } from '../errors/pooler.error.js';
import {
  isTrue,
  prepareLockSession,
  READ_SERVER_FACTS,
  readServerFacts,
  type ServerFacts,
} from '../sql/lock-session.js';
import { BACKEND_PID } from '../sql/signal.js';
import type { Statement } from '../sql/statement.js';
import { cutOnAbort, type Connector } from './connector.js';
import { insistently } from './insistence.js';
import { speaksProtocol } from './lock-query.js';
import { LockSession } from './lock-session.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import type { TextRow } from './peer-port.js';
import { PipelineDepth } from './pipeline-depth.js';
import type { ResolvedSessionsOptions } from './session-options.js';
import { assertServer, replicaError } from './server-check.js';
import { toldPid } from './told-pid.js';

/** The part of the lease for which we trust an unconfirmed lock: we give it up before the server can. @internal */
export const TRUST_SHARE = 0.8;

/**
 * Opens a connection that can hold session-level locks.
 *
 * @param signal gives up, at whatever stage.
 * @throws {PoolerError} when what answers is no backend of our own.
 * @throws {ReadReplicaError} on a read replica, unless `allowStandby` is set.
 * @throws {ServerNotSupportedError} on a server that only speaks PostgreSQL's protocol; nothing is set on it before.
 * @internal
 */
export async function openLockSession(
  connector: Connector,
  options: ResolvedSessionsOptions,
  signal: AbortSignal,
): Promise<LockSession> {
  const client = await connector.connect('locks', signal);
  try {
    return await cutOnAbort(client, signal, () => prepare(client, options));
  } catch (error) {
    client.end().catch(() => undefined);
    throw error;
  }
}

async function prepare(client: Client, options: ResolvedSessionsOptions): Promise<LockSession> {
  const { leaseMs } = options;
  const askedAt = monotonicMs();
  const facts = await readFacts(client, options.trustPooler);
  const factsMs = monotonicMs() - askedAt;
  if (facts.recovery && !options.allowStandby) throw replicaError('a session-level lock');
  const sentAt = monotonicMs();
  const idleTimeoutMs = speaksProtocol(client) ? 0 : leaseMs;
  const [prepared] = await query(client, prepareLockSession(facts.version, leaseMs, idleTimeoutMs));
  if (Number(prepared?.['pid']) !== facts.pid || isTrue(prepared?.['recovery']) !== facts.recovery)
    throw poolerBetween();
  const depth = new PipelineDepth(Math.min(factsMs, monotonicMs() - sentAt));
  return new LockSession(client, facts, { leaseMs, trustMs: leaseMs * TRUST_SHARE, depth });
}

async function readFacts(client: Client, trustPooler: boolean): Promise<ServerFacts> {
  const [[row], [balanced]] = await Promise.all([
    query(client, READ_SERVER_FACTS),
    query(client, BACKEND_PID),
  ]);
  const facts = readServerFacts(row ?? {});
  assertServer(facts.versionText);
  // A load balancer sends this one, which nothing ties to the primary, where it likes.
  if (Number(balanced?.['pid']) !== facts.pid) throw poolerBetween();
  // Only a pooler answers with the process id of another backend than the one that it announced.
  const told = toldPid(client);
  if (!trustPooler && told !== null && told !== facts.pid) throw poolerBetween();
  return facts;
}

/** Again as long as another session cancels it, as {@link LockSession.read}. */
async function query(client: Client, { text }: Statement): Promise<readonly TextRow[]> {
  const { rows } = await insistently(() => client.query<TextRow>(text));
  return rows;
}

function poolerBetween(): PoolerError {
  return new PoolerError(
    'A connection pooler stands between this application and PostgreSQL, and session-level locks do not survive a pooler in ' +
      'transaction mode. Give the address of the database itself as `sessions.directConnection`, or take transaction-level ' +
      'locks (`xact: true`), or set `sessions.trustPooler` if the pooler keeps one backend for each client.',
  );
}
