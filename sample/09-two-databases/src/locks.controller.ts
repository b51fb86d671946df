import { Controller, Get, Post, UseInterceptors } from '@nestjs/common';
import { AdvisoryLock, InjectPgLock, PgLockService } from 'nestjs-pglock';
import { StatisticsService } from './statistics.service.js';

@Controller()
export class LocksController {
  constructor(
    private readonly statistics: StatisticsService,
    private readonly shop: PgLockService,
    @InjectPgLock('reporting') private readonly reporting: PgLockService,
  ) {}

  @Post('statistics')
  rebuild() {
    return this.statistics.rebuild();
  }

  /** While the handler holds `close` in one database, the same id is free in the other. */
  @Get('same-id')
  @UseInterceptors(AdvisoryLock('close', { connection: 'reporting' }))
  async sameId(): Promise<{ held: boolean; shop: 'free' | 'busy' }> {
    await using lock = await this.shop.acquire('close', { timeout: 0 });
    return { held: this.reporting.isHeld('close'), shop: lock === null ? 'busy' : 'free' };
  }
}
