import { Injectable } from '@nestjs/common';
import { InjectPgLock, PgLockService, WithAdvisoryLock } from 'nestjs-pglock';

const databaseOf = async (pglock: PgLockService): Promise<string | undefined> => {
  const { rows } = await pglock.pool.query<{ name: string }>('SELECT current_database() AS name');
  return rows[0]?.name;
};

@Injectable()
export class StatisticsService {
  constructor(
    private readonly shop: PgLockService,
    @InjectPgLock('reporting') private readonly reporting: PgLockService,
  ) {}

  /** One lock in each database: `statistics` in the one that is written, `orders` shared in the one that is read. */
  @WithAdvisoryLock('statistics', { connection: 'reporting', timeout: 0 })
  rebuild(): Promise<{ from: string | undefined; to: string | undefined }> {
    return this.shop.advisory('orders', { shared: true }, async () => ({
      from: await databaseOf(this.shop),
      to: await databaseOf(this.reporting),
    }));
  }
}
