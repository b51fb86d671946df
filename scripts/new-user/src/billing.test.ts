import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { PgLockService } from 'nestjs-pglock';
import { holdLock, PgLockTestingModule } from 'nestjs-pglock/testing';

@Injectable()
class Billing {
  constructor(private readonly pglock: PgLockService) {}

  async close(): Promise<string> {
    const closed = await this.pglock.advisory(
      'billing.close',
      { timeout: 0, onContention: 'skip' },
      () => 'closed',
    );
    return closed ?? 'busy';
  }
}

test('closes once at a time', async () => {
  const app = await Test.createTestingModule({
    imports: [PgLockTestingModule.forRoot()],
    providers: [Billing],
  }).compile();
  const letGo = holdLock('billing.close');
  assert.equal(await app.get(Billing).close(), 'busy');
  letGo();
  assert.equal(await app.get(Billing).close(), 'closed');
  await app.close();
});
