import { jest } from '@jest/globals';
import { PgLockUsageError } from '../../../lib/errors/pg-lock-usage.error.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import type { PgLockService } from '../../../lib/pg-lock.service.js';
import { MemoryCore } from '../../../lib/testing/memory-core.js';
import { MemoryLockTable } from '../../../lib/testing/memory-lock-table.js';

let core: MemoryCore;

beforeEach(() => {
  core = new MemoryCore(resolveOptions({}), new MemoryLockTable());
});

afterEach(() => core.close());

/** Each verb, with options that its types would refuse. */
const verbs: Record<string, (pglock: PgLockService, options: never, work: () => unknown) => unknown> = {
  advisory: (pglock, options, work) => pglock.advisory('a', options, work),
  transaction: (pglock, options, work) => pglock.transaction(work, options),
  timeout: (pglock, options, work) => pglock.timeout('1s', options, work),
  prioritize: (pglock, options, work) => pglock.prioritize(options, work),
  lead: (pglock, options, work) => pglock.lead('a', options, work),
  'jobs.wrap': (pglock, options, work) => pglock.jobs.wrap('a', work, options),
};

describe.each(Object.entries(verbs))('%s', (_name, call) => {
  it.each([[5], ['2s'], [[]], [{ nosuch: 1 }]])(
    'refuses %p as its options, and does no work',
    async (given) => {
      const work = jest.fn();
      const calling = async () => call(core.service, given as never, work);
      await expect(calling()).rejects.toThrow(PgLockUsageError);
      expect(work).not.toHaveBeenCalled();
    },
  );

  it.each([[undefined], [null], [5], ['x'], [{}]])('refuses %p as its work', async (work) => {
    const calling = async () => call(core.service, {} as never, work as never);
    await expect(calling()).rejects.toThrow(PgLockUsageError);
  });
});

describe('options behind the work', () => {
  const { transaction: _, 'jobs.wrap': __, ...optionsFirst } = verbs;

  it.each(Object.entries(optionsFirst))('are refused by %s, not overlooked', async (_name, call) => {
    const work = jest.fn();
    const calling = async () => call(core.service, work as never, {} as never);
    await expect(calling()).rejects.toThrow(PgLockUsageError);
    expect(work).not.toHaveBeenCalled();
  });
});

describe('the pauses of a leader', () => {
  it('refuse a first that is longer than the longest', async () => {
    const leading = (backOff: object) => core.service.lead('a', { backOff }, () => 'led');
    await expect(leading({ first: '5s', most: '1s' })).rejects.toThrow(
      /backOff\.first must not be longer than backOff\.most; got "5s" and "1s"/,
    );
    await expect(leading({ first: '1 minute' })).resolves.toBe('led');
    await expect(leading({ most: '50ms' })).resolves.toBe('led');
  });
});

describe('model', () => {
  it.each([
    [null],
    [5],
    ['SHARE'],
    [[]],
    [{ nosuch: 1 }],
    [{ shared: true }],
    [{ signal: 5 }],
    [{ onContention: 'wait' }],
  ])('refuses %p as its options', async (given) => {
    const locking = core.service.transaction(() => core.service.model('users', given as never));
    await expect(locking).rejects.toThrow(PgLockUsageError);
  });
});

describe('transaction', () => {
  it('refuses an isolation and a readOnly that mean nothing', async () => {
    for (const options of [{ isolation: 'DIRTY' }, { readOnly: 1 }])
      await expect(core.service.transaction(() => 1, options as never)).rejects.toThrow(PgLockUsageError);
  });
});

describe('options that are undefined', () => {
  it('count as left out, also where the call has defaults of its own', async () => {
    const undefinedOnes = {
      timeout: undefined,
      onContention: undefined,
      sticky: undefined,
      signal: undefined,
    };
    await expect(core.service.advisory('a', undefinedOnes, () => 1)).resolves.toBe(1);
    await using held = await core.service.acquire('job');
    const run = core.service.jobs.wrap('job', () => 1, { timeout: undefined, onContention: undefined });
    await expect(run.call(undefined)).resolves.toBeUndefined();
    expect(held?.held).toBe(true);
  });
});
