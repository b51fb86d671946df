import { Injectable, UseInterceptors } from '@nestjs/common';
import { Cron } from '@nestjs/schedule';
import { setTimeout as delay } from 'node:timers/promises';
import { AdvisoryLock } from 'nestjs-pglock';

/** A job for the dashboard to show: every ten seconds, and now and then it fails. */
@Injectable()
export class InvoicesService {
  @Cron('*/10 * * * * *')
  @UseInterceptors(AdvisoryLock('invoices.export'))
  async exportAll(): Promise<void> {
    await delay(300 + Math.random() * 900);
    if (Math.random() < 0.1) throw new Error('the archive does not answer');
  }
}
