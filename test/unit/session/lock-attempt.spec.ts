import { LockSessionError } from '../../../lib/errors/lock-session.error.js';
import { LockTableBudgetError } from '../../../lib/errors/lock-table-budget.error.js';
import { LockAttempt } from '../../../lib/session/lock-attempt.js';
import { lockKey } from '../../../lib/vocabulary/lock-id.js';
import { serverError } from '../../support/fake-client.js';

/** What its caller is told when the second session has ended as well. */
function toldAfter(error: Error, isOpen = false): unknown {
  let told: unknown;
  const trier = {
    onAcquired: () => undefined,
    onUnavailable: () => undefined,
    onError: (given: unknown) => (told = given),
  };
  const attempt = new LockAttempt({ tryLater: () => undefined }, lockKey('x'), false, trier);
  attempt.session = { isOpen };
  attempt.mayReconnect = false;
  attempt.onError(error);
  return told;
}

describe('a try that has failed for good', () => {
  it.each([
    serverError('57P01', 'terminating connection due to administrator command'),
    serverError('EPIPE', 'write EPIPE'),
    serverError('ECONNRESET', 'read ECONNRESET'),
    new Error('Connection terminated unexpectedly'),
  ])('ends in LockSessionError where its session has: %s', (error) => {
    const told = toldAfter(error);
    expect(told).toBeInstanceOf(LockSessionError);
    expect(told).toMatchObject({ cause: error, message: expect.stringContaining(error.message) as string });
  });

  it('ends in the error that fits what the server says', () => {
    expect(toldAfter(serverError('53200'), true)).toBeInstanceOf(LockTableBudgetError);
    const ended = new LockSessionError('The lock session was closed.');
    expect(toldAfter(ended)).toBe(ended);
    const other = serverError('XX000');
    expect(toldAfter(other, true)).toBe(other);
  });
});
