import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';

/** Explaining would disturb others. @internal */
export class ExplainRefusedError extends PgLockUsageError {}
