import { NestFactory } from '@nestjs/core';
import { PaymentsService, ShopModule } from './shop.module.js';

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(ShopModule, { logger: ['error'] });
  const payments = app.get(PaymentsService);
  await Promise.all(Array.from({ length: 20 }, () => payments.pay(7)));
  await app.close();
}
void main();
