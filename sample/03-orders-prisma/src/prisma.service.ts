import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import { InjectPgLockPool } from 'nestjs-pglock';
import { Pool } from 'pg';
import { PrismaClient } from './generated/client.js';

/** Prisma on the pool of PgLockModule: one pool for the whole application, and `pglock.timeout` holds in Prisma too. */
@Injectable()
export class PrismaService extends PrismaClient implements OnModuleInit, OnModuleDestroy {
  constructor(@InjectPgLockPool() private readonly pool: Pool) {
    super({ adapter: new PrismaPg(pool) });
  }

  /** An application of yours has migrations instead. */
  async onModuleInit(): Promise<void> {
    await this.pool.query('CREATE TABLE IF NOT EXISTS orders (id int PRIMARY KEY, status text NOT NULL)');
  }

  async onModuleDestroy(): Promise<void> {
    await this.$disconnect();
  }
}
