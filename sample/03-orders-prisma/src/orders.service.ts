import { ConflictException, Injectable } from '@nestjs/common';
import { PgLockService } from 'nestjs-pglock';
import type { Order } from './generated/client.js';
import { PrismaService } from './prisma.service.js';

@Injectable()
export class OrdersService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly pglock: PgLockService,
  ) {}

  /** Pays an order once. The lock is there before the order's row is, and goes with the transaction. */
  pay(id: number): Promise<Order> {
    return this.prisma.$transaction(async (transaction) => {
      await this.pglock.acquire(`order:${id}`, { transaction, timeout: '2s', onContention: 'throw' });
      const order = await transaction.order.findUnique({ where: { id } });
      if (order?.status === 'paid') throw new ConflictException(`Order ${id} is paid already.`);
      const paid = { id, status: 'paid' };
      return transaction.order.upsert({ where: { id }, create: paid, update: paid });
    });
  }

  /** Counts the paid orders while no other can be paid. Prisma has no object for a table: it goes by its name. */
  close(): Promise<{ paid: number }> {
    return this.prisma.$transaction(async (transaction) => {
      await this.pglock.model('orders', { transaction, mode: 'SHARE', timeout: '2s', onContention: 'throw' });
      return { paid: await transaction.order.count({ where: { status: 'paid' } }) };
    });
  }
}
