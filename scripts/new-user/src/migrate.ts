import { NestFactory } from '@nestjs/core';
import { PgLockService } from 'nestjs-pglock';
import { ShopModule } from './shop.module.js';

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(ShopModule, { logger: ['error'] });
  const pglock = app.get(PgLockService);
  await pglock.prioritize({ interval: '200ms', timeout: '30s' }, () =>
    pglock.pool.query('ALTER TABLE typeorm_orders ADD COLUMN note text'),
  );
  await app.close();
}
void main();
