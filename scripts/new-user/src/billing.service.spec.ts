import { Test } from '@nestjs/testing';
import { holdLock, PgLockTestingModule } from 'nestjs-pglock/testing';
import { BillingService } from './billing.service.js';

it('closes once at a time', async () => {
  const app = await Test.createTestingModule({
    imports: [PgLockTestingModule.forRoot()],
    providers: [BillingService],
  }).compile();
  const letGo = holdLock('billing.close');
  expect(await app.get(BillingService).close()).toBe('busy');
  letGo();
  expect(await app.get(BillingService).close()).toBe('closed');
  await app.close();
});
