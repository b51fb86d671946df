import { Controller, Get, UseGuards } from '@nestjs/common';
import { AdvisoryLockGuard } from 'nestjs-pglock';

/** Refuses with 423 while anybody, on any replica, holds `maintenance`. The guard looks, and holds nothing itself. */
@Controller('orders')
@UseGuards(AdvisoryLockGuard('maintenance'))
export class OrdersController {
  @Get()
  list(): string[] {
    return ['first', 'second'];
  }
}
