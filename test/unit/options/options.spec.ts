import { RegisteredNames } from '../../../lib/inspection/names/registered-names.js';
import { PgLockConfigurationError } from '../../../lib/errors/pg-lock-configuration.error.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';

const resolve = (options: unknown) => resolveOptions(options as Parameters<typeof resolveOptions>[0]);

/** The message of the configuration error that these options cause. */
function messageOf(options: unknown): string {
  try {
    resolve(options);
  } catch (error) {
    expect(error).toBeInstanceOf(PgLockConfigurationError);
    return (error as Error).message;
  }
  throw new Error('The options were accepted.');
}

describe('resolveOptions', () => {
  it('fills in every default', () => {
    expect(resolve({})).toEqual({
      name: 'default',
      connection: undefined,
      pool: undefined,
      directConnection: undefined,
      namespace: '',
      advisory: {
        timeoutMs: undefined,
        onContention: undefined,
        holdAtLeastMs: undefined,
        maxHoldMs: undefined,
        reentrant: false,
      },
      selfWaitMs: 10_000,
      shutdown: { timeoutMs: 20_000 },
      prioritize: {
        intervalMs: 1000,
        periodic: true,
        timeoutMs: undefined,
        escalateMs: undefined,
        protect: undefined,
        dryRun: false,
      },
      sessions: {
        ...{ max: 4, heartbeatMs: 2_000, leaseMs: 5_000, connectTimeoutMs: 30_000 },
        ...{ trustPooler: false, allowStandby: false, lockTableShare: 0.8 },
      },
      httpStatus: 423,
      handlers: { trust: [] },
      attributes: undefined,
      blockingAttributes: undefined,
      limit: 25,
      jobs: { clockSkewMs: 2000, ledger: undefined },
      names: { ids: [], registered: new RegisteredNames() },
      configs: {},
    });
  });

  it('reads Durations and keeps null as for ever', () => {
    expect(resolve({ advisory: { timeout: null } }).advisory.timeoutMs).toBeNull();
    expect(resolve({ advisory: { timeout: 0, maxHold: '1h' } }).advisory).toMatchObject({
      timeoutMs: 0,
      maxHoldMs: 3_600_000,
    });
    expect(resolve({ sessions: { heartbeat: '3s' } }).sessions).toMatchObject({
      heartbeatMs: 3000,
      leaseMs: 6000,
    });
  });

  it('treats undefined as left out, as an unset environment variable gives it', () => {
    expect(resolve({ connection: undefined, limit: undefined }).limit).toBe(25);
    expect(resolve({ limit: 7 })).toMatchObject({ limit: 7, findLimit: 7 });
    expect(resolve({}).findLimit).toBeUndefined();
  });

  it.each([
    [{ advisory: { timeout: '5 parsecs' } }, /advisory\.timeout must be a Duration.*got "5 parsecs"/],
    [{ advisory: { timeout: -1 } }, /advisory\.timeout must be a Duration.*got -1/],
    [{ advisory: { onContention: 'wait' } }, /advisory\.onContention must be 'throw' or 'skip'; got "wait"/],
    [{ advisory: { maxHold: 0 } }, /advisory\.maxHold must be .*longer than zero; got 0/],
    [{ jobs: { clockSkew: 'soon' } }, /jobs\.clockSkew must be a Duration.*got "soon"/],
    [{ jobs: { catchUp: '1m' } }, /there is no option 'jobs\.catchUp'/],
    [{ jobs: { ledger: { table: 'a.b.c' } } }, /jobs\.ledger\.table must be a table such as/],
    [{ jobs: { ledger: { keep: 0 } } }, /jobs\.ledger\.keep must be .*longer than zero; got 0/],
    [{ sessions: { max: 1 } }, /sessions\.max must be a whole number from 2 to 1000; got 1/],
    [
      { sessions: { heartbeat: '2s', lease: '3s' } },
      /sessions\.lease must be at least twice the heartbeat of 2000 ms; got 3000 ms/,
    ],
    [
      { sessions: { lockTableShare: 2 } },
      /sessions\.lockTableShare must be a number above 0, at most 1; got 2/,
    ],
    [{ httpStatus: 200 }, /httpStatus must be a whole number from 400 to 599; got 200/],
    [{ limit: 0 }, /limit must be a whole number 1 or above; got 0/],
    [{ name: ' ' }, /name must be a string that is not empty; got " "/],
    [{ namespace: 7 }, /namespace must be a string; got 7/],
    [{ isGlobal: 'yes' }, /isGlobal must be true or false; got "yes"/],
    [
      { attributes: ['activity.pid', 3] },
      /attributes must be a list of names out of activity\.applicationName, .*; got \[/,
    ],
    [
      { attributes: ['blockingActivity.pid'] },
      /^PgLockModule: attributes must be .*got \["blockingActivity\.pid"\]/,
    ],
    [
      { blockingAttributes: ['nonsense'] },
      /blockingAttributes must be .*blockingActivity\.pid.*got \["nonsense"\]/,
    ],
    [{ configs: { long: 'x' } }, /configs must be an object of saved configurations/],
    [
      { configs: { long: { wher: {} } } },
      /configs\.long is refused: "wher" means nothing .* There are: on, ids/,
    ],
    [
      { configs: { long: { where: { activity: { tick: 1 } } } } },
      /configs\.long is refused: .*"activity\.tick"/,
    ],
    [{ configs: { long: { filters: ['nonsense'] } } }, /configs\.long is refused: A filter must be/],
    [{ sessions: null }, /sessions must be an object with max, .*; got null/],
    [{ advisory: null }, /advisory must be an object with timeout, .*; got null/],
    [{ prioritize: '1s' }, /prioritize must be an object with interval, .*; got a string/],
    [{ prioritize: { timeout: 0 } }, /prioritize\.timeout must be .*longer than zero; got 0/],
    [{ prioritize: { escalate: 0 } }, /prioritize\.escalate must be .*longer than zero; got 0/],
    [{ prioritize: { protect: { tick: 1 } } }, /prioritize\.protect is refused: .*"blockingActivity\.tick"/],
    [
      { connection: 'localhost' },
      /connection must be a connection string .*; got a string that is not valid/,
    ],
    [
      { connection: 'mysql://u:p@h/d' },
      /connection must be a connection string .*; got a string that is not valid/,
    ],
    [{ connection: 'postgres://h:99999999/d' }, /connection must be .*; got a string that is not valid/],
    [
      { sessions: { directConnection: 'localhost' } },
      /sessions\.directConnection must be a connection string/,
    ],
    [{ prioritize: { interval: 0 } }, /prioritize\.interval must be .*longer than zero; got 0/],
    [{ pool: {} }, /pool must be a pg\.Pool; got a value of type object/],
    [
      { connection: '' },
      /connection must be a connection string \('postgres:\/\/…'\) or the configuration of a pg pool; got an empty string/,
    ],
    ['postgres://', /options must be an object with name, .*; got a string that is not valid/],
    [null, /options must be an object/],
  ])('refuses %j', (options, message) => {
    expect(messageOf(options)).toMatch(message);
  });

  it.each([
    'postgres://localhost/x',
    'postgresql://u:p%40ss@db.example:5433/x?sslmode=require',
    'POSTGRES://h/x',
    'postgres://u@/x',
    'postgres:///x?host=/tmp',
    'postgres://u:p w@h/x',
    'socket:/var/run/postgresql?db=x',
    '/var/run/postgresql x',
  ])('takes %s for a connection string, as pg does', (connection) => {
    expect(resolve({ connection }).connection).toBe(connection);
  });

  it('takes saved configurations of the command line, and of models that are registered later', () => {
    class Later {}
    const configs = {
      long: { where: { blockingActivity: { duration: { gte: '5s' } } }, blocking: true, json: true },
      later: { on: [Later, 'users'], ids: ['a', 7n, [1, 2]], orderBy: '-waitDuration', limit: 3 },
    };
    expect(resolve({ configs }).configs).toBe(configs);
  });

  it('keeps the interval of prioritize where it is undefined', () => {
    expect(resolve({ prioritize: { interval: undefined } }).prioritize.intervalMs).toBe(1000);
  });

  it('refuses a pool beside a connection', () => {
    const pool = { connect: () => undefined, options: {} };
    expect(messageOf({ pool, connection: 'postgres://localhost/x' })).toMatch(
      /pool must be left out where connection is given/,
    );
  });

  it('refuses unknown options and names the nearest', () => {
    expect(messageOf({ namspace: 'x' })).toMatch(
      /no option 'namspace'\. Did you mean 'namespace'\? Allowed: name, /,
    );
    expect(messageOf({ sessions: { heartBeat: '1s' } })).toMatch(
      /'sessions\.heartBeat'\. Did you mean 'heartbeat'/,
    );
    expect(messageOf({ zzzzzzzz: 1 })).not.toMatch(/Did you mean/);
  });

  it('prints no password and no connection string', () => {
    const secret = 'hunter2';
    const messages = [
      messageOf({ connection: [`postgres://u:${secret}@h/d`] }),
      messageOf({ connetion: `postgres://u:${secret}@h/d` }),
      messageOf({ sessions: { directConnection: [secret] } }),
      messageOf({ pool: secret }),
      messageOf(`postgres://u:${secret}@h/d`),
    ];
    expect(messages.join('\n')).not.toContain(secret);
  });

  it("leaves the caller's objects as they were", () => {
    const options = { advisory: { timeout: '1s' }, sessions: { max: 3 }, configs: { long: {} } };
    const before = structuredClone(options);
    resolve(options);
    expect(options).toEqual(before);
    expect(Object.isFrozen(options)).toBe(false);
  });
});
