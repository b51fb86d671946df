import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { PgLockService } from 'nestjs-pglock';

const JOB_TAKES_MS = 3;

/** Where each run of the job leaves a row. Nothing but the lock keeps two replicas from writing the same tick. */
@Injectable()
export class Ledger {
  constructor(private readonly pglock: PgLockService) {}

  /** @param tick the tick that it is for: whole seconds of the Unix epoch. */
  async noteRun(tick: number): Promise<void> {
    const row = [tick, process.env['REPLICA']];
    await this.pglock.pool.query('INSERT INTO runs (tick, replica) VALUES ($1, $2)', row);
    await delay(JOB_TAKES_MS);
  }
}
