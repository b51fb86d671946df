import { Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { setTimeout as delay } from 'node:timers/promises';
import { PgLockService } from 'nestjs-pglock';

const EVERY_MS = Number(process.env['MIGRATION_EVERY'] ?? 60_000);
const FORGOTTEN_FOR_MS = Number(process.env['FORGOTTEN_FOR'] ?? 40_000);

/**
 * What goes wrong now and then: a console with an open transaction is forgotten, a migration waits behind it, and the whole shop
 * waits behind the migration. One of the replicas does it.
 */
@Injectable()
export class MigrationService {
  constructor(private readonly pglock: PgLockService) {}

  @Interval(EVERY_MS)
  async migrate(): Promise<void> {
    await this.pglock.advisory('shop.migration', { timeout: 0, onContention: 'skip' }, async () => {
      const forgotten = this.forget();
      await delay(1_000);
      await this.alter().catch(() => undefined);
      await forgotten.catch(() => undefined);
    });
  }

  /** Reads, and leaves its transaction open; ending it in the dashboard ends the incident. */
  private forget(): Promise<unknown> {
    return this.pglock.withContext({ console: 'psql' }, () =>
      this.pglock.transaction(async (tx) => {
        await tx.query('SELECT count(*) FROM shop_orders');
        await delay(FORGOTTEN_FOR_MS);
      }),
    );
  }

  private alter(): Promise<unknown> {
    return this.pglock.withContext({ job: 'migration' }, () =>
      this.pglock.pool.query('ALTER TABLE shop_orders ADD COLUMN IF NOT EXISTS paid_at timestamptz'),
    );
  }
}
