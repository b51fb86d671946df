import { NestFactory } from '@nestjs/core';
import { PrismaPg } from '@prisma/adapter-pg';
import { PgLockService } from 'nestjs-pglock';
import { AppModule } from './app.module.js';
import { PrismaClient } from './generated/client.js';

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
  const pglock = app.get(PgLockService);
  const prisma = new PrismaClient({ adapter: new PrismaPg(pglock.pool) });
  await prisma.$executeRaw`CREATE TABLE prisma_orders (id int PRIMARY KEY, payments int NOT NULL)`;
  const pay = (id: number) =>
    prisma.$transaction(
      async (tx) => {
        await pglock.acquire(`order:${id}`, { transaction: tx, timeout: '20s', onContention: 'throw' });
        const { payments } = (await tx.order.findUnique({ where: { id } })) ?? { payments: 0 };
        const paid = { id, payments: payments + 1 };
        await tx.order.upsert({ where: { id }, create: paid, update: paid });
      },
      { maxWait: 20_000, timeout: 20_000 },
    );
  await Promise.all(Array.from({ length: 20 }, () => pay(7)));
  await prisma.$disconnect();
  await app.close();
}
void main();
