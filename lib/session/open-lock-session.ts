import type { Client } from 'pg';
import { PoolerError } from '../errors/pooler.error.js';
import { prepareLockSession, READ_SERVER_FACTS, type ServerFacts } from '../sql/lock-session.js';
import type { Statement } from '../sql/statement.js';
import { cutOnAbort, type Connector } from './connector.js';
import { LockSession } from './lock-session.js';
import type { ResolvedSessionsOptions } from './session-options.js';
import { toldPid } from './told-pid.js';

const ANSWER_WITHIN_MS = 10_000;

/** The part of the lease for which we trust an unconfirmed lock: we give it up before the server can. @internal */
export const TRUST_SHARE = 0.8;

/**
 * Opens a connection that can hold session-level locks.
 *
 * @param signal gives up, at whatever stage.
 * @throws {PoolerError} when what answers is no backend of our own.
 * @internal
 */
export async function openLockSession(
  connector: Connector,
  options: ResolvedSessionsOptions,
  signal: AbortSignal,
): Promise<LockSession> {
  const client = await connector.connect('locks', signal);
  try {
    const facts = await cutOnAbort(client, signal, () => prepare(client, options));
    return new LockSession(client, facts, options.leaseMs * TRUST_SHARE);
  } catch (error) {
    client.end().catch(() => undefined);
    throw error;
  }
}

async function prepare(client: Client, options: ResolvedSessionsOptions): Promise<ServerFacts> {
  const facts = await readFacts(client, options.trustPooler);
  const prepared = await client.query<{ pid: number }>(
    bounded(prepareLockSession(facts.version, options.leaseMs)),
  );
  if (prepared.rows[0]?.pid !== facts.pid) throw poolerBetween();
  return facts;
}

async function readFacts(client: Client, trustPooler: boolean): Promise<ServerFacts> {
  const { rows } = await client.query<ServerFacts>(bounded(READ_SERVER_FACTS));
  const facts = rows[0] as ServerFacts;
  // Only a pooler answers with the process id of another backend than the one that it announced.
  const told = toldPid(client);
  if (!trustPooler && told !== null && told !== facts.pid) throw poolerBetween();
  return facts;
}

/** A connection that opens, and then says nothing, must not keep everybody waiting. */
function bounded({ text }: Statement): { text: string; query_timeout: number } {
  return { text, query_timeout: ANSWER_WITHIN_MS };
}

function poolerBetween(): PoolerError {
  return new PoolerError(
    'A connection pooler stands between this application and PostgreSQL, and session-level locks do not survive a pooler in ' +
      'transaction mode. Give the address of the database itself as `sessions.directConnection`, or take transaction-level ' +
      'locks (`xact: true`), or set `sessions.trustPooler` if the pooler keeps one backend for each client.',
  );
}
