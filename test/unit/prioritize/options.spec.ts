import { PgLockUsageError } from '../../../lib/errors/pg-lock-usage.error.js';
import { BlockerRule, cancel, terminate } from '../../../lib/prioritize/blocker-rule.js';
import { resolvePrioritizeOptions } from '../../../lib/prioritize/resolve-prioritize-options.js';

const fallbacks = {
  intervalMs: 1_000,
  periodic: true,
  timeoutMs: undefined,
  escalateMs: undefined,
  protect: { applicationName: 'backup' },
  dryRun: false,
};
const resolve = (options: object) => resolvePrioritizeOptions(options, fallbacks, '');

describe('the options of prioritize', () => {
  it('have their defaults', () => {
    expect(resolve({})).toMatchObject({
      intervalMs: 1_000,
      periodic: true,
      timeoutMs: undefined,
      onBlocked: { action: 'terminate' },
      where: [],
      spared: [{ op: 'eq', path: 'blockingActivity.applicationName', value: 'backup' }],
      retries: 0,
      dryRun: false,
    });
  });

  it('are read', () => {
    const onBlocked = terminate({ blockingActivity: { duration: { gte: '5s' } } });
    expect(
      resolve({ interval: '200ms', timeout: '30s', onBlocked, escalate: '1m', protect: { user: 'admin' } }),
    ).toMatchObject({
      intervalMs: 200,
      timeoutMs: 30_000,
      escalateMs: 60_000,
      where: [{ op: 'gte', path: 'blockingActivity.duration', value: 5_000 }],
      spared: [{ path: 'blockingActivity.user' }],
    });
    expect(resolve({ timeout: null }).timeoutMs).toBeNull();
  });

  it('look at least twice within a timeout that is tried again', () => {
    expect(resolve({ interval: '1s', timeout: '400ms', retries: 3 }).intervalMs).toBe(200);
    expect(resolve({ interval: '1s', timeout: '400ms' }).intervalMs).toBe(1_000);
  });

  it.each([
    [{ interval: 0 }, /interval must be longer than zero/],
    [{ interval: 'often' }, /interval must be/],
    [{ timeout: 0 }, /timeout must be longer than zero/],
    [{ timeout: -1 }, /timeout must be/],
    [{ escalate: NaN }, /escalate must be/],
    [{ periodic: 'yes' }, /periodic must be true or false/],
    [{ dryRun: 1 }, /dryRun must be true or false/],
    [{ onBlocked: 'terminate' }, /onBlocked must be terminate\(…\), cancel\(…\) or a function/],
    [{ onBlocked: () => [], escalate: '1s' }, /escalate goes with/],
    [{ protect: { colour: 1 } }, /no attribute "blockingActivity.colour"/],
    [{ retries: 1.5 }, /retries must be/],
    [{ retries: 1, transaction: {} }, /retries cannot go with transaction/],
    [{ intervall: 1 }, /Unknown option "intervall" of prioritize\. Did you mean 'interval'/],
    [null, /takes options and work/],
  ])('are refused: %j', (options, message) => {
    expect(() => resolve(options as object)).toThrow(PgLockUsageError);
    expect(() => resolve(options as object)).toThrow(message);
  });
});

describe('terminate and cancel', () => {
  it('make frozen rules', () => {
    expect(terminate()).toBeInstanceOf(BlockerRule);
    expect(Object.isFrozen(cancel({ type: 'ADVISORY' }))).toBe(true);
  });

  it('say what is wrong where it was written', () => {
    expect(() => terminate({ blockingActivity: { colour: 'red' } } as never)).toThrow(
      /no attribute "blockingActivity.colour"/,
    );
    expect(() => cancel({ granted: { gt: true } } as never)).toThrow(/no operator "gt"/);
  });
});
