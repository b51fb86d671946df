export { defineConfig, type PgLockCliConfig, type PgLockCliDatabase, type SavedCliQuery } from './config.js';
