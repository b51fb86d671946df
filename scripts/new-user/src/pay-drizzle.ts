import { NestFactory } from '@nestjs/core';
import { eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgTable } from 'drizzle-orm/pg-core';
import { PgLockService } from 'nestjs-pglock';
import { AppModule } from './app.module.js';

const orders = pgTable('drizzle_orders', { id: integer().primaryKey(), payments: integer().notNull() });

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
  const pglock = app.get(PgLockService);
  const db = drizzle({ client: pglock.pool });
  await db.execute('CREATE TABLE drizzle_orders (id int PRIMARY KEY, payments int NOT NULL)');
  const pay = (id: number) =>
    db.transaction(async (tx) => {
      await pglock.acquire(`order:${id}`, { transaction: tx, timeout: '20s', onContention: 'throw' });
      const [order] = await tx.select().from(orders).where(eq(orders.id, id));
      if (order === undefined) await tx.insert(orders).values({ id, payments: 1 });
      else
        await tx
          .update(orders)
          .set({ payments: order.payments + 1 })
          .where(eq(orders.id, id));
    });
  await Promise.all(Array.from({ length: 20 }, () => pay(7)));
  await app.close();
}
void main();
