import { Controller, Param, Sse, UseInterceptors, type MessageEvent } from '@nestjs/common';
import { AdvisoryLock } from 'nestjs-pglock';
import type { Observable } from 'rxjs';
import { ReportsService } from './reports.service.js';

@Controller('reports')
export class ReportsController {
  constructor(private readonly reports: ReportsService) {}

  /** One build of a report at a time in the whole fleet. The lock ends with the stream: also when the client is gone. */
  @Sse(':name')
  @UseInterceptors(
    AdvisoryLock((ctx) => `report:${ctx.switchToHttp().getRequest().params.name}`, { timeout: 0 }),
  )
  build(@Param('name') name: string): Observable<MessageEvent> {
    return this.reports.build(name);
  }
}
