import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { PgLockService } from 'nestjs-pglock';
import { Tasks } from './tasks.js';

const TASK_MS = 100;

/** Does what there is to do: a customer's tasks one after the other, different customers' side by side in the fleet. */
@Injectable()
export class Worker {
  constructor(
    private readonly pglock: PgLockService,
    private readonly tasks: Tasks,
  ) {}

  /** Until every task is done or in work. @returns how many tasks it did. */
  async run(): Promise<number> {
    await this.tasks.prepare();
    let done = 0;
    for (;;) {
      const customers = await this.tasks.customers();
      if (customers.length === 0) return done;
      let idle = true;
      for (const customer of customers) {
        const did = await this.oneOf(customer);
        done += did;
        if (did > 0) idle = false;
      }
      if (idle) await sleep(TASK_MS);
    }
  }

  /** The next task of a customer whom no other worker serves. If this process dies, its lock is gone and its task is to do. */
  private async oneOf(customer: string): Promise<number> {
    await using lock = await this.pglock.acquire(`customer:${customer}`, { timeout: 0 });
    const task = lock && (await this.tasks.next(customer));
    if (!task) return 0;
    await sleep(TASK_MS, undefined, { signal: lock.signal });
    await this.tasks.finish(task);
    console.log(`${task.customer}: ${task.title}`);
    return 1;
  }
}
