import { Injectable } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { Ledger } from './ledger.js';
import { currentTick } from './pulse.js';

/** What the job would be without its lock, for `--without-lock`: the sample must be able to fail. */
@Injectable()
export class UnlockedInvoicesService {
  constructor(private readonly ledger: Ledger) {}

  @Cron(CronExpression.EVERY_SECOND)
  async sendDue(): Promise<void> {
    await this.ledger.noteRun(currentTick());
  }
}
