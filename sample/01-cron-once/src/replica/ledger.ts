import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { PgLockService } from 'nestjs-pglock';
import { currentTick } from './pulse.js';

const JOB_TAKES_MS = 3;

/** Where each run of the job leaves a row. Nothing but the lock keeps two replicas from writing the same tick. */
@Injectable()
export class Ledger {
  constructor(private readonly pglock: PgLockService) {}

  async noteRun(): Promise<void> {
    const row = [currentTick(), process.env['REPLICA']];
    await this.pglock.pool.query('INSERT INTO runs (tick, replica) VALUES ($1, $2)', row);
    await delay(JOB_TAKES_MS);
  }
}
