import { jest } from '@jest/globals';
import { RecentMap, rememberingTexts } from '../../../lib/vocabulary/recent-map.js';

describe('RecentMap', () => {
  it('keeps what is asked for again, and forgets the rest', () => {
    const map = new RecentMap<number, string>(4);
    map.set(0, 'asked for');
    for (let key = 1; key < 100; key++) {
      map.set(key, String(key));
      expect(map.get(0)).toBe('asked for');
    }
    expect(map.get(1)).toBeUndefined();
    expect(map.get(99)).toBe('99');
  });
});

describe('rememberingTexts', () => {
  it('reads a text once while it is among the recent ones', () => {
    const read = jest.fn((text: string) => text.length);
    const remembering = rememberingTexts(read);
    expect([remembering('SELECT 1'), remembering('SELECT 1')]).toEqual([8, 8]);
    expect(read).toHaveBeenCalledTimes(1);
    for (let i = 0; i < 1_000; i++) remembering(`SELECT ${i + 2}`);
    remembering('SELECT 1');
    expect(read.mock.calls.filter(([text]) => text === 'SELECT 1')).toHaveLength(2);
  });

  it('keeps no long text', () => {
    const read = jest.fn((text: string) => text.length);
    const remembering = rememberingTexts(read);
    const long = 'x'.repeat(10_000);
    expect([remembering(long), remembering(long)]).toEqual([10_000, 10_000]);
    expect(read).toHaveBeenCalledTimes(2);
  });
});
