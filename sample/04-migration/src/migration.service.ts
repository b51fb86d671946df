import { Injectable } from '@nestjs/common';
import { PgLockService, type PrioritizeReport } from 'nestjs-pglock';

/** Adds a column: a moment's work, once nothing blocks it. */
@Injectable()
export class MigrationService {
  constructor(private readonly pglock: PgLockService) {}

  /** One replica at a time, and it blocks other statements for no longer than a second. */
  migrate(): Promise<void> {
    return this.pglock.advisory('migrate', () => this.pglock.timeout('1s', () => this.addColumn()));
  }

  /** The same, and every 200 ms the sessions that block it are terminated. */
  async migrateWithPriority(): Promise<readonly number[]> {
    const killed: number[] = [];
    const onKilled = (report: PrioritizeReport) => void killed.push(...report.killed.map(({ pid }) => pid));
    await this.pglock.prioritize({ interval: '200ms', onKilled }, () => this.migrate());
    return killed;
  }

  /** Which session blocks the migration while it waits. */
  async blocker(): Promise<string> {
    const [root] = await this.pglock.blocked.tree();
    if (root === undefined) return 'no session';
    const { applicationName, state, query } = root.activity;
    return `${applicationName ?? 'a session'}, ${state ?? 'in an unknown state'}: ${query ?? ''}`;
  }

  private async addColumn(): Promise<void> {
    await this.pglock.pool.query('ALTER TABLE customers ADD COLUMN IF NOT EXISTS vip boolean');
  }
}
