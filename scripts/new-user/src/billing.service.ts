import { Injectable } from '@nestjs/common';
import { PgLockService } from 'nestjs-pglock';

@Injectable()
export class BillingService {
  constructor(private readonly pglock: PgLockService) {}

  async close(): Promise<string> {
    const closed = await this.pglock.advisory(
      'billing.close',
      { timeout: 0, onContention: 'skip' },
      () => 'closed',
    );
    return closed ?? 'busy';
  }
}
