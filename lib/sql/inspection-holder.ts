import { OWN_DATABASE } from './inspection-rows.js';
import type { Statement } from './statement.js';

/** The session that holds an advisory lock, of this database: of several (shared) the first; not the backend that asked for it. @internal */
export function holderOf(classId: number, objId: number, objSubId: number, askedBy: number): Statement {
  return {
    text: `SELECT l.pid, a.application_name AS "applicationName", pg_catalog.host(a.client_addr) AS "clientAddress"
FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.pid IS NOT NULL AND l.database = ${OWN_DATABASE}
 AND l.classid = $1::pg_catalog.int8::pg_catalog.oid AND l.objid = $2::pg_catalog.int8::pg_catalog.oid
 AND l.objsubid = $3::pg_catalog.int2 AND l.pid <> $4::pg_catalog.int4
ORDER BY l.mode, l.pid LIMIT 1`,
    values: [String(classId), String(objId), objSubId, askedBy],
  };
}
