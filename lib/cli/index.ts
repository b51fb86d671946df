export {
  defineConfig,
  type PgLockCliConfig,
  type PgLockCliDatabase,
  type PgLockSharedConfig,
  type SavedCliQuery,
} from './config.js';
