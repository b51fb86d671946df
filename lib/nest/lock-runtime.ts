import { DEFAULT_DATABASE_NAME } from '../options/pg-lock-options.js';
import type { PgLockCore } from '../core/pg-lock-core.js';
import type { RunRegistry } from './run-registry.js';

/** What enhancers and decorators work with: one database, and the application's runs. @internal */
export class LockRuntime {
  constructor(
    readonly core: PgLockCore,
    readonly runs: RunRegistry,
  ) {
    runs.addDatabase(core);
  }
}

/** The injection token of a database's {@link LockRuntime}. @internal */
export function getLockRuntimeToken(name: string = DEFAULT_DATABASE_NAME): string {
  return `PG_LOCK_RUNTIME_${name}`;
}
