import { READ_REPLICAS, type ReplicaRow } from '../../sql/dashboard-replicas.js';
import type { WatchedDatabase } from '../watched-database.js';
import type { ReplicasAnswer, ReplicaStatus } from '../wire.js';

/** The connections of this library to one database, of every process. @internal */
export async function replicasView(database: WatchedDatabase): Promise<ReplicasAnswer> {
  const { name, observer } = database;
  const [rows, leaders] = await Promise.all([observer.query<ReplicaRow>(READ_REPLICAS), database.leaders()]);
  const tableSize = Number(rows[0]?.tableSize ?? 0);
  return {
    connection: name,
    at: new Date(),
    items: rows.map((row) => statusOf(row)),
    tableLocks: Number(rows[0]?.tableLocks ?? 0),
    tableSize,
    leaders,
  };
}

function statusOf(row: ReplicaRow): ReplicaStatus {
  const [, application = '', purpose = ''] = /^(.*?)\s*pglock:(.*)$/s.exec(row.application) ?? [];
  return {
    pid: Number(row.pid),
    backendStart: row.backendStart,
    application: application === '' ? null : application,
    purpose,
    host: row.host,
    user: row.role,
    since: row.since === null ? null : new Date(Number(row.since)),
    heartbeatAge: row.heartbeatAge === null ? null : Number(row.heartbeatAge),
    held: Number(row.held),
    waits: Number(row.waits),
    share: Number(row.held) / Number(row.tableSize),
  };
}
