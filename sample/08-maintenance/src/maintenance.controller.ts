import { Controller, ParseIntPipe, Post, Query, UseInterceptors } from '@nestjs/common';
import { AdvisoryLock, PgLockService } from 'nestjs-pglock';

@Controller('maintenance')
export class MaintenanceController {
  constructor(private readonly pglock: PgLockService) {}

  /** Holds `maintenance` for as long as it works; a request for a second one is refused too. */
  @Post()
  @UseInterceptors(AdvisoryLock('maintenance', { timeout: 0 }))
  async run(@Query('seconds', ParseIntPipe) seconds: number): Promise<{ done: true }> {
    await this.pglock.pool.query('SELECT pg_sleep($1)', [seconds]);
    return { done: true };
  }
}
