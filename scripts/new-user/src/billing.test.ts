import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Test } from '@nestjs/testing';
import { holdLock, PgLockTestingModule } from 'nestjs-pglock/testing';
import { BillingService } from './billing.service.js';

test('closes once at a time', async () => {
  const app = await Test.createTestingModule({
    imports: [PgLockTestingModule.forRoot()],
    providers: [BillingService],
  }).compile();
  const letGo = holdLock('billing.close');
  assert.equal(await app.get(BillingService).close(), 'busy');
  letGo();
  assert.equal(await app.get(BillingService).close(), 'closed');
  await app.close();
});
