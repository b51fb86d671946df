export { explainMigration } from './explain-migration.js';
export type { ExplainMigrationOptions } from './explain-options.js';
export type {
  ExplainedError,
  ExplainedLock,
  ExplainedStatement,
  ExplainFinding,
  ExplainReport,
  ExplainSummary,
  FindingSeverity,
  LiveRelation,
  LiveSession,
} from './report.js';
