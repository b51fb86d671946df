import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { DataSource } from 'typeorm';

@Injectable()
export class DataSourceLifecycle implements OnModuleDestroy {
  constructor(private readonly dataSource: DataSource) {}

  /** TypeORM "ends" the shared pool, which does nothing: the module ends it, after the last lock. */
  async onModuleDestroy(): Promise<void> {
    await this.dataSource.destroy();
  }
}
