import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { PgLockService } from 'nestjs-pglock';

/** A shop under load: orders are read and written all the time. */
@Injectable()
export class ShopService implements OnApplicationBootstrap {
  private running = 0;

  constructor(private readonly pglock: PgLockService) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.pglock.advisory('shop.schema', async () => {
      await this.pglock.pool.query('CREATE TABLE IF NOT EXISTS shop_orders (id int PRIMARY KEY, note text)');
      await this.pglock.pool.query(
        "INSERT INTO shop_orders SELECT i, '' FROM generate_series(1, 100) i ON CONFLICT DO NOTHING",
      );
    });
  }

  /** At most five at once, so that there are connections left for others when all of them wait. */
  @Interval(200)
  async order(): Promise<void> {
    if (this.running >= 5) return;
    this.running += 1;
    const id = 1 + Math.floor(Math.random() * 100);
    try {
      await this.pglock.withContext({ route: 'POST /orders/:id' }, () =>
        this.pglock.timeout('30s', () =>
          this.pglock.pool.query('UPDATE shop_orders SET note = $1 WHERE id = $2', [String(Date.now()), id]),
        ),
      );
    } catch {
      // Refused after 30 s behind the migration, or not created yet: the next order comes.
    } finally {
      this.running -= 1;
    }
  }
}
