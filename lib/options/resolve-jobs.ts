import type { ResolvedJobsOptions, ResolvedLedgerOptions } from '../jobs/job-options.js';
import { DEFAULT_LEDGER_TABLE, isTableName } from '../sql/jobs-ledger.js';
import { durationMs } from '../vocabulary/duration.js';
import { OptionReader, type OptionNames } from './option-reader.js';
import { DEFAULTS, type JobsOptions, type LedgerOptions } from './pg-lock-options.js';

/** What `jobs` may have. @internal */
export const JOBS_OPTIONS: OptionNames<JobsOptions> = ['clockSkew', 'ledger'];

/** Reads `jobs` over the defaults. @throws {PgLockConfigurationError} when a value is not allowed. @internal */
export function resolveJobs(given: OptionReader<JobsOptions>): ResolvedJobsOptions {
  const ledger = given.raw('ledger') ?? DEFAULTS.jobs.ledger;
  return Object.freeze({
    clockSkewMs: given.ms('clockSkew') ?? durationMs(DEFAULTS.jobs.clockSkew),
    ledger: ledger === false ? undefined : ledgerOf(ledger === true ? {} : ledger),
  });
}

function ledgerOf(options: LedgerOptions): ResolvedLedgerOptions {
  const given = new OptionReader<LedgerOptions>(options, 'jobs.ledger', ['table', 'keep']);
  const isTable = (value: unknown): value is string => typeof value === 'string' && isTableName(value);
  const table = given.check('table', "a table such as 'pglock_jobs' or 'ops.pglock_jobs'", isTable);
  return Object.freeze({ table: table ?? DEFAULT_LEDGER_TABLE, keepMs: given.ms('keep', 1) });
}
