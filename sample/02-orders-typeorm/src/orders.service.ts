import { ConflictException, Injectable } from '@nestjs/common';
import { PgLockService } from 'nestjs-pglock';
import { DataSource } from 'typeorm';
import { Order } from './order.entity.js';

@Injectable()
export class OrdersService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly pglock: PgLockService,
  ) {}

  /** Pays an order once. The lock is there before the order's row is, and goes with the transaction. */
  pay(id: number): Promise<Order> {
    return this.dataSource.transaction(async (transaction) => {
      await this.pglock.acquire(`order:${id}`, { transaction, timeout: '2s', onContention: 'throw' });
      const order = (await transaction.findOneBy(Order, { id })) ?? transaction.create(Order, { id });
      if (order.status === 'paid') throw new ConflictException(`Order ${id} is paid already.`);
      order.status = 'paid';
      return transaction.save(order);
    });
  }

  /** Counts the paid orders while no other can be paid. */
  close(): Promise<{ paid: number }> {
    return this.dataSource.transaction(async (transaction) => {
      await this.pglock.model(Order, { transaction, mode: 'SHARE', timeout: '2s', onContention: 'throw' });
      return { paid: await transaction.countBy(Order, { status: 'paid' }) };
    });
  }
}
