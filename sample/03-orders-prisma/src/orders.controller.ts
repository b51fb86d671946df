import { Controller, Param, ParseIntPipe, Post, UseFilters } from '@nestjs/common';
import { LockedFilter } from './locked.filter.js';
import { OrdersService } from './orders.service.js';

@Controller('orders')
@UseFilters(LockedFilter)
export class OrdersController {
  constructor(private readonly orders: OrdersService) {}

  @Post(':id/payments')
  pay(@Param('id', ParseIntPipe) id: number) {
    return this.orders.pay(id);
  }

  @Post('closing')
  close() {
    return this.orders.close();
  }
}
