// For applications of packages that Jest cannot load: decorators without their syntax, and a second session as the witness.
import pg from 'pg';
import { advisoryKey } from '../../../dist/esm/index.js';

/** Applies decorators to a method as TypeScript does: those of parameters first, then from the last to the first. */
export function decorate(type, method, decorators, parameters = []) {
  parameters.forEach((parameter, index) => parameter?.(type.prototype, method, index));
  const descriptor = Object.getOwnPropertyDescriptor(type.prototype, method);
  for (const decorator of [...decorators].reverse()) decorator(type.prototype, method, descriptor);
  Object.defineProperty(type.prototype, method, descriptor);
}

export class Witness {
  seen = [];
  client = new pg.Client({ connectionString: process.env.PGLOCK_URL, application_name: 'witness' });

  /** Notes how many sessions hold the id at this moment. */
  async look(id, ...rest) {
    const { classId, objId } = advisoryKey(id);
    const { rows } = await this.client.query(
      `SELECT count(*)::int AS n FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted
        AND classid = $1::bigint::oid AND objid = $2::bigint::oid`,
      [classId, objId],
    );
    this.seen.push([id, rows[0].n, ...rest]);
  }

  /** Holds an id as another process would, until the witness ends. */
  async hold(id) {
    const { classId, objId } = advisoryKey(id);
    await this.client.query('SELECT pg_catalog.pg_advisory_lock(($1::bigint << 32) | $2::bigint)', [
      classId,
      objId,
    ]);
  }

  async until(isSo) {
    while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
