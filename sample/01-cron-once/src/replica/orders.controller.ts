import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Param, Post, Req, UseInterceptors, type ExecutionContext } from '@nestjs/common';
import { AdvisoryLock } from 'nestjs-pglock';
import { sinceArrival } from './arrival.js';

const CLOSING_TAKES_MS = 80;
const PAYMENT_TAKES_MS = 40;

interface OrderRequest {
  readonly params: { readonly id: string };
}
const orderId = (context: ExecutionContext) =>
  `order:${context.switchToHttp().getRequest<OrderRequest>().params.id}`;

@Controller()
export class OrdersController {
  /** One at a time in the whole fleet; a second request is told so at once, by 423. */
  @Post('closing')
  @UseInterceptors(AdvisoryLock('closing', { timeout: 0 }))
  async close(): Promise<void> {
    await delay(CLOSING_TAKES_MS);
  }

  /** One payment an order at a time; the next one for the same order waits, other orders do not. */
  @Post('orders/:id/payments')
  @UseInterceptors(AdvisoryLock(orderId, { timeout: '2s' }))
  async pay(@Param('id') id: string, @Req() request: object): Promise<{ id: string; waitedMs: number }> {
    const waitedMs = Math.round(sinceArrival(request));
    await delay(PAYMENT_TAKES_MS);
    return { id, waitedMs };
  }
}
