import { attributeColumn } from '../../../lib/cli/render/attribute-column.js';
import { expanded, table } from '../../../lib/cli/render/listing.js';
import { plain } from '../../../lib/cli/render/paint.js';
import { valueText } from '../../../lib/cli/render/value.js';
import { spanText } from '../../../lib/vocabulary/span-text.js';
import { oneLine, safeLines } from '../../../lib/vocabulary/one-line.js';
import { fit, textWidth } from '../../../lib/cli/render/width.js';

describe('a span of time', () => {
  it.each([
    [0, '0ms'],
    [999, '999ms'],
    [1_000, '1.0s'],
    [59_999, '59.9s'],
    [60_000, '1m00s'],
    [192_000, '3m12s'],
    [7_500_000, '2h05m'],
    [98 * 3_600_000, '4d02h'],
  ])('of %d ms is %s', (milliseconds, text) => {
    expect(spanText(milliseconds)).toBe(text);
  });
});

describe('a value', () => {
  it.each([
    [null, 'relName', ''],
    [undefined, 'relName', ''],
    [true, 'granted', 'true'],
    [42, 'activityId', '42'],
    [5_000, 'activity.duration', '5.0s'],
    [5_000, 'waitDuration', '5.0s'],
    [7n, 'advisoryId', '7'],
    [[1, 2], 'advisoryId', '1,2'],
    [{ classId: 1, objId: 2, objSubId: 1 }, 'advisoryKey', '4294967298'],
    [{ classId: 1, objId: 4294967295, objSubId: 2 }, 'advisoryKey', '1,-1'],
    [[{ name: 'prisma migrate', certain: true }], 'advisoryNames', 'prisma migrate'],
    [
      [
        { name: 'a', certain: false },
        { name: 'b', certain: false },
      ],
      'advisoryNames',
      'a or 1 other?',
    ],
    [{ route: 'GET /', user: 1 }, 'activity.context', 'route=GET / user=1'],
    [new Date(0), 'waitStart', '1970-01-01T00:00:00.000Z'],
  ])('%p at %s is %j', (value, path, text) => {
    expect(valueText(value, path)).toBe(text);
  });

  it('cannot steer the terminal', () => {
    expect(oneLine('a\u001b[2J\n\tb\u0007\u009bc')).toBe('a[2J bc');
    expect(safeLines('a\u001b]0;x\u0007\n\tb')).toEqual(['a]0;x', '    b']);
  });
});

describe('a width', () => {
  it.each([
    ['abc', 3],
    ['日本', 4],
    ['e\u0301', 1],
    ['😀', 2],
    ['👩‍👩‍👧‍👦', 2],
    ['🇨🇭', 2],
    ['', 0],
  ])('%s takes %d columns', (text, width) => {
    expect(textWidth(text)).toBe(width);
  });

  it.each([
    ['abc', 5, 'abc  '],
    ['abcdef', 4, 'abc…'],
    ['日本語', 5, '日本…'],
    ['日本語', 4, '日… '],
    ['abc', 0, ''],
  ])('%s in %d columns is %j', (text, columns, fitted) => {
    expect(fit(text, columns)).toBe(fitted);
    expect(textWidth(fit(text, columns))).toBe(columns);
  });
});

describe('a table', () => {
  const rows = [
    { pid: 1, activity: { query: 'SELECT *\n   FROM users' } },
    { pid: 22222, activity: { query: null } },
  ];
  const attributes = ['pid', 'activity.query'];
  const columns = attributes.map(attributeColumn);

  it('is aligned, a line a row', () => {
    expect(table(rows, { columns, paint: plain, width: undefined })).toEqual([
      'pid    activity.query',
      '1      SELECT * FROM users',
      '22222',
    ]);
  });

  it('fits the terminal, the widest column giving way', () => {
    const lines = table(rows, { columns, paint: plain, width: 20 });
    expect(lines).toEqual(['pid   activity.query', '1     SELECT * FROM…', '22222']);
  });

  it('has a line an attribute when expanded', () => {
    expect(expanded(rows.slice(0, 1), { attributes, paint: plain, width: 10 })).toEqual([
      '─'.repeat(10),
      'pid: 1',
      'activity.query: SELECT *',
      '    FROM users',
    ]);
  });
});
