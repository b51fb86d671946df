import { LockNames } from '../../../lib/locks/lock-names.js';
import { advisoryKey } from '../../../lib/vocabulary/lock-id.js';

describe('LockNames', () => {
  it('knows the ids that it has seen by their keys', () => {
    const names = new LockNames('app:');
    expect(names.nameOf(advisoryKey('app:x'))).toBeUndefined();
    expect(names.keyOf('x').toAdvisoryKey()).toEqual(advisoryKey('app:x'));
    names.keyOf([-1, 2]);
    expect(names.nameOf(advisoryKey('app:x'))).toBe('x');
    expect(names.nameOf(advisoryKey([-1, 2]))).toEqual([-1, 2]);
  });

  it('keeps the name that it saw first for a key', () => {
    const names = new LockNames('');
    names.keyOf(5);
    names.keyOf(5n);
    expect(names.nameOf(advisoryKey(5))).toBe(5);
  });

  it('tells keys apart that have a half in common', () => {
    const names = new LockNames('');
    const ids = [5, 5n + 2n ** 32n, [0, 5], [5, 5], -1n, 0] as const;
    for (const id of ids) names.keyOf(id);
    expect(ids.map((id) => names.nameOf(advisoryKey(id)))).toEqual(ids);
    expect(names.nameOf(advisoryKey([1, 5]))).toBeUndefined();
    expect(new LockNames('').nameOf(advisoryKey(0))).toBeUndefined();
  });

  it('gives the very same key for the very same text from the second time on', () => {
    const names = new LockNames('');
    const first = names.keyOf('x');
    expect(names.keyOf('x').equals(first)).toBe(true);
    expect(names.keyOf('x')).toBe(names.keyOf('x'));
  });

  it('has ten thousand ids at hand that come again and again', () => {
    const names = new LockNames('');
    const ids = Array.from({ length: 10_000 }, (_, n) => `account:${n}`);
    const keys = () => ids.map((id) => names.keyOf(id));
    for (let turn = 0; turn < 3; turn++) keys();
    const known = keys();
    // Some stand in another's place: their keys are found out each time.
    expect(keys().filter((key, n) => key === known[n]).length).toBeGreaterThan(7_500);
  });

  it('remembers what is used again and again', () => {
    const names = new LockNames('');
    for (let i = 0; i <= 30_000; i++) {
      names.keyOf(`job:${i}`);
      names.keyOf('used');
    }
    expect(names.nameOf(advisoryKey('used'))).toBe('used');
    expect(names.nameOf(advisoryKey('job:1'))).toBeUndefined();
  });

  it('forgets the oldest beyond ten thousand, and grows no further', () => {
    const names = new LockNames('');
    for (let i = 0; i <= 10_000; i++) names.keyOf(`job:${i}`);
    expect(names.nameOf(advisoryKey('job:0'))).toBeUndefined();
    expect(names.nameOf(advisoryKey('job:10000'))).toBe('job:10000');
    expect(names.keyOf('job:0').toAdvisoryKey()).toEqual(advisoryKey('job:0'));
  });
});
