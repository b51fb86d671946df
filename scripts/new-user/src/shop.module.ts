import { Injectable, Module, type OnModuleDestroy } from '@nestjs/common';
import { PgLockModule, PgLockService } from 'nestjs-pglock';
import { DataSource } from 'typeorm';
import { Order } from './order.entity.js';

@Injectable()
export class PaymentsService implements OnModuleDestroy {
  constructor(
    private readonly dataSource: DataSource,
    private readonly pglock: PgLockService,
  ) {}

  /** Reads, thinks and writes: without the lock, payments that come together would be lost. */
  pay(id: number): Promise<void> {
    return this.dataSource.transaction(async (transaction) => {
      await this.pglock.acquire(`order:${id}`, { transaction, timeout: '20s', onContention: 'throw' });
      const order =
        (await transaction.findOneBy(Order, { id })) ?? transaction.create(Order, { id, payments: 0 });
      order.payments += 1;
      await transaction.save(order);
    });
  }

  onModuleDestroy(): Promise<void> {
    return this.dataSource.destroy();
  }
}

@Module({
  imports: [PgLockModule.forRoot({ connection: process.env.DATABASE_URL })],
  providers: [
    {
      provide: DataSource,
      inject: [PgLockService],
      useFactory: (pglock: PgLockService) =>
        new DataSource({
          type: 'postgres',
          driver: pglock.pgDriver,
          entities: [Order],
          synchronize: true,
        }).initialize(),
    },
    PaymentsService,
  ],
})
export class ShopModule {}
