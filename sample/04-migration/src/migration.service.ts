import { Injectable } from '@nestjs/common';
import { PgLockService, type PrioritizeReport } from 'nestjs-pglock';

/** Adds a column: a moment's work, once nothing is in the way. */
@Injectable()
export class MigrationService {
  constructor(private readonly pglock: PgLockService) {}

  /** One replica at a time, and no longer than a second in front of everybody else. */
  migrate(): Promise<void> {
    return this.pglock.advisory('migrate', () => this.pglock.timeout('1s', () => this.addColumn()));
  }

  /** The same, and what is in the way is terminated, looked for every 200 ms. */
  async migrateWithPriority(): Promise<readonly number[]> {
    const killed: number[] = [];
    const onKilled = (report: PrioritizeReport) => void killed.push(...report.killed.map(({ pid }) => pid));
    await this.pglock.prioritize({ interval: '200ms', onKilled }, () => this.migrate());
    return killed;
  }

  /** Who is in the way of the migration while it waits. */
  async whoIsInTheWay(): Promise<string> {
    const [root] = await this.pglock.blocked.tree();
    if (root === undefined) return 'nobody';
    const { applicationName, state, query } = root.activity;
    return `${applicationName ?? 'somebody'}, ${state ?? 'in an unknown state'}: ${query ?? ''}`;
  }

  private async addColumn(): Promise<void> {
    await this.pglock.pool.query('ALTER TABLE customers ADD COLUMN IF NOT EXISTS vip boolean');
  }
}
