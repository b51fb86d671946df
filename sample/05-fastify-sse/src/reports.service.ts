import { Injectable, type MessageEvent } from '@nestjs/common';
import { PgLockService } from 'nestjs-pglock';
import { concatMap, map, range, type Observable } from 'rxjs';

const STEPS = 5;
/** How long a step takes, in seconds. */
const STEP = Number(process.env['STEP'] ?? 1);

@Injectable()
export class ReportsService {
  constructor(private readonly pglock: PgLockService) {}

  /** Each step is a query; unsubscribed, it takes no further one. */
  build(name: string): Observable<MessageEvent> {
    return range(1, STEPS).pipe(
      concatMap(async (step) => {
        await this.pglock.pool.query('SELECT pg_sleep($1)', [STEP]);
        return step;
      }),
      map((step) => ({ data: { report: name, percent: (100 * step) / STEPS } })),
    );
  }
}
