import type { PgLockService } from '../../../lib/index.js';

export const CALLS: Readonly<Record<string, (pglock: PgLockService) => unknown>>;
