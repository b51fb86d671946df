import fc from 'fast-check';
import { PgLockUsageError } from '../../../lib/errors/pg-lock-usage.error.js';
import {
  durationMs,
  MAX_SERVER_TIMEOUT_MS,
  positiveDurationMs,
  serverTimeoutMs,
  waitMs,
  type Duration,
} from '../../../lib/vocabulary/duration.js';

describe('durationMs', () => {
  it.each<[Duration, number]>([
    [0, 0],
    [1, 1],
    ['1.001s', 1_001],
    [250, 250],
    ['500ms', 500],
    ['2s', 2_000],
    ['5 minutes', 300_000],
    ['1.5h', 5_400_000],
    ['1 day', 86_400_000],
    ['0', 0],
    ['100', 100],
  ])('reads %p', (value, milliseconds) => {
    expect(durationMs(value)).toBe(milliseconds);
  });

  it.each([
    [-1],
    [0.5],
    [1.5],
    ['1.5ms'],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    ['-1s'],
    ['0.5ms'],
    [''],
    ['soon'],
    ['5 parsecs'],
    ['1s'.padStart(101)],
    [null],
    [undefined],
    [5n],
    [{}],
    [[1]],
    [new Date()],
  ])('refuses %p, and says what is allowed', (value) => {
    const read = () => durationMs(value as never, 'timeout');
    expect(read).toThrow(PgLockUsageError);
    expect(read).toThrow(/^timeout must be a number of milliseconds .*'500ms'.*; got /);
  });

  it('is milliseconds or a usage error, whatever comes', () => {
    const texts = fc.stringMatching(/^-?\d{0,6}\.?\d{0,3} ?(ms|s|sec|m|min|h|d|w|y|x)?$/);
    fc.assert(
      fc.property(fc.oneof(fc.double(), texts, fc.string(), fc.anything({ maxDepth: 1 })), (value) => {
        try {
          const milliseconds = durationMs(value as Duration);
          expect(Number.isInteger(milliseconds) && milliseconds >= 0).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(PgLockUsageError);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('keeps any whole number of milliseconds', () => {
    fc.assert(fc.property(fc.nat(), (n) => expect([durationMs(n), durationMs(`${n}ms`)]).toEqual([n, n])));
  });
});

describe('positiveDurationMs', () => {
  it('refuses zero as well', () => {
    expect(() => positiveDurationMs(0, 'interval')).toThrow(/^interval must be longer than zero/);
    expect(positiveDurationMs('1s')).toBe(1_000);
  });
});

describe('waitMs', () => {
  it('keeps the three states apart: left out, for ever, and so long', () => {
    expect([waitMs(undefined), waitMs(null), waitMs(0), waitMs('1s')]).toEqual([undefined, null, 0, 1_000]);
  });
});

describe('serverTimeoutMs', () => {
  it('never says 0 to the server but for "for ever"', () => {
    expect(serverTimeoutMs(null)).toBe(0);
    fc.assert(
      fc.property(fc.double({ min: 0, noNaN: true }), (wait) => {
        const timeout = serverTimeoutMs(wait);
        expect(Number.isInteger(timeout) && timeout >= 1 && timeout <= MAX_SERVER_TIMEOUT_MS).toBe(true);
      }),
    );
  });
});
