import { chooseDatabase } from '../../../lib/cli/database.js';
import { childEnvironment } from '../../../lib/cli/run/environment.js';
import { lockIdOf } from '../../../lib/vocabulary/lock-key-text.js';

describe('the environment of a command', () => {
  it('names its sessions and limits their waits, keeping what was there', () => {
    const env = {
      PATH: '/bin',
      PGOPTIONS: '-c work_mem=5MB',
      DATABASE_URL: 'postgres://me:p%40ss@host/db?sslmode=require&options=-c%20a%3Db',
    };
    const made = childEnvironment(env, 'pglock-run-1', 2_000);
    expect(made).toMatchObject({
      PATH: '/bin',
      PGAPPNAME: 'pglock-run-1',
      PGOPTIONS: '-c work_mem=5MB -c lock_timeout=2000',
    });
    expect(made['DATABASE_URL']).toBe(
      'postgres://me:p%40ss@host/db?sslmode=require&options=-c%20a%3Db%20-c%20lock_timeout%3D2000&application_name=pglock-run-1',
    );
  });

  it.each(['mysql://x', 'file:./dev.db', 'not a url'])(
    'leaves an address alone that is not ours: %s',
    (DATABASE_URL) => {
      expect(childEnvironment({ DATABASE_URL }, 'name', 1).DATABASE_URL).toBe(DATABASE_URL);
    },
  );

  it('adds no options where none are needed', () => {
    expect(childEnvironment({}, 'name', undefined)).toEqual({ PGAPPNAME: 'name' });
  });
});

describe('an id as typed', () => {
  it.each([
    ['billing.close', 'billing.close'],
    ['42', 42n],
    ['-1', -1n],
    ['1,-2', [1, -2]],
    ['"42"', '42'],
    ['1, 2', [1, 2]],
    ['0x4554a1b2', 1163174322n],
    ['0xffffffffffffffff', -1n],
    ['1074944137,7', [1074944137, 7]],
    ['16185446,2147500954', [16185446, -2147466342]],
    ['0x2a,0x7', [42, 7]],
    ['1, two', '1, two'],
  ])('%s is %p', (text, id) => {
    expect(lockIdOf(text)).toEqual(id);
  });
});

describe('the database', () => {
  const config = {
    connection: 'postgres://a/a',
    namespace: 'n:',
    databases: { b: 'postgres://b/b', c: { connection: 'postgres://c/c', namespace: 'c:' } },
  };
  const env = { DATABASE_URL: 'postgres://env/env' };

  it.each([
    [undefined, config, { connection: 'postgres://a/a', namespace: 'n:' }],
    ['b', config, { connection: 'postgres://b/b', namespace: 'n:' }],
    ['c', config, { connection: 'postgres://c/c', namespace: 'c:' }],
    ['postgresql://u/u', config, { connection: 'postgresql://u/u' }],
    [undefined, {}, { connection: 'postgres://env/env', namespace: '' }],
  ])('for %p is the right one', (wanted, given, expected) => {
    expect(chooseDatabase(wanted, given, env)).toMatchObject(expected);
  });

  it('is that of the PG* variables in the end', () => {
    expect(chooseDatabase(undefined, {}, {})).toMatchObject({ connection: undefined });
  });

  it.each(['constructor', 'x', 'http://x/'])('is refused: %s', (wanted) => {
    expect(() => chooseDatabase(wanted, config, env)).toThrow(/There is no database|must be a URL/);
  });
});
