import { jest } from '@jest/globals';
import { SessionLockWait } from '../../lib/session/lock-wait.js';
import type { TestDatabase } from './database.js';

/** Until the end of the test, waits that poll do so too seldom to be in time: what is in time was woken. Counts the pauses. */
export function pollTooSeldom(database: TestDatabase): { readonly pauses: number } {
  const pollMs = jest.spyOn(
    SessionLockWait.prototype as unknown as { readonly pollMs: number },
    'pollMs',
    'get',
  );
  pollMs.mockReturnValue(100_000);
  database.defer(() => pollMs.mockRestore());
  return {
    get pauses() {
      return pollMs.mock.calls.length;
    },
  };
}
