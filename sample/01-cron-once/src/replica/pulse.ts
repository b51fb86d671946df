import { Injectable } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';

/** The tick that this replica's clock shows: whole seconds of the Unix epoch. */
export function currentTick(): number {
  return Math.floor(Date.now() / 1000);
}

/** Tells the conductor each time that this replica's timer ticks, whether or not it gets to run the job. */
@Injectable()
export class Pulse {
  @Cron(CronExpression.EVERY_SECOND)
  beat(): void {
    process.send?.({ type: 'tick', tick: currentTick() });
  }
}
