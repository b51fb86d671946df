import pg from 'pg';
import type { PgLockConnection } from './session-options.js';

/** Where a connection goes, without anything secret. @internal */
export interface ConnectionPlace {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** `db.example:5432/shop`. */
  readonly text: string;
}

/** Where `pg` would connect to, `PG*` variables and its defaults included. Opens nothing. @internal */
export function connectionPlace(connection: PgLockConnection | undefined): ConnectionPlace {
  const config = typeof connection === 'string' ? { connectionString: connection } : (connection ?? {});
  const { host, port, database = '', user = '' } = new pg.Client(config);
  const address = host.startsWith('/') ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return { host, port, database, user, text: `${address}/${database}` };
}
