import { Injectable, UseInterceptors } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { AdvisoryLock } from 'nestjs-pglock';
import { Ledger } from './ledger.js';

@Injectable()
export class InvoicesService {
  constructor(private readonly ledger: Ledger) {}

  /** Every replica has this timer; one runs it. */
  @Cron(CronExpression.EVERY_SECOND)
  @UseInterceptors(AdvisoryLock())
  async sendDue(): Promise<void> {
    await this.ledger.noteRun();
  }
}
