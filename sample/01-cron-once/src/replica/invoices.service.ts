import { Injectable, UseInterceptors } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { AdvisoryLock, CurrentTick, type JobTick } from 'nestjs-pglock';
import { Ledger } from './ledger.js';

@Injectable()
export class InvoicesService {
  constructor(private readonly ledger: Ledger) {}

  /** Every replica has this timer; of each tick, one runs it. */
  @Cron(CronExpression.EVERY_SECOND)
  @UseInterceptors(AdvisoryLock())
  async sendDue(@CurrentTick() tick: JobTick): Promise<void> {
    await this.ledger.noteRun(tick.scheduledAt.getTime() / 1000);
  }
}
