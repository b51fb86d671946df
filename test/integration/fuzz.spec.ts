import fc from 'fast-check';
import type { Client } from 'pg';
import { PgLockError } from '../../lib/errors/pg-lock.error.js';
import type { LockId } from '../../lib/index.js';
import type { AdvisoryLockOptions } from '../../lib/locks/advisory-options.js';
import type { PgLockCore } from '../../lib/core/pg-lock-core.js';
import type { PgLockModuleOptions } from '../../lib/options/pg-lock-options.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import type { LockIds, PgLockService } from '../../lib/pg-lock.service.js';
import { LOCK_MODES } from '../../lib/vocabulary/lock-mode.js';
import { advisoryLocks, openCore } from '../support/cores.js';
import { useDatabase } from '../support/database.js';

const database = useDatabase({ schema: 'CREATE TABLE victim (n int); INSERT INTO victim VALUES (42)' });
const RUNS = Number(process.env['PGLOCK_FUZZ_RUNS'] ?? 300);
const PATIENCE_MS = 60_000;

/** What came of a call: its value, or the library's own error. Anything else fails the test. */
async function settled<T>(call: () => T | Promise<T>): Promise<{ value: T } | { error: PgLockError }> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('It hangs.')), PATIENCE_MS);
  });
  try {
    return { value: await Promise.race([(async () => call())(), late]) };
  } catch (error) {
    if (error instanceof PgLockError) {
      expect(error.code).toMatch(/^(PGLOCK_[A-Z_]+|[0-9A-Z]{5})$/);
      expect(error.message).not.toBe('');
      return { error };
    }
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

const INJECTIONS = [
  '"; DROP TABLE victim; --',
  "'; DROP TABLE victim; --",
  "'); SELECT pg_terminate_backend(pg_backend_pid()); --",
  'victim; DELETE FROM victim',
  '*/ DROP TABLE victim; /*',
  '$$; DROP TABLE victim; $$',
  "\\'; DROP TABLE victim; --",
  '%s%n$1::text',
  '__proto__',
  'constructor',
  'toString',
];
const text = fc.oneof(
  fc.constantFrom(...INJECTIONS, '', ' ', '\0', 'a\0b', '\ud800', '💥', 'x'.repeat(70_000)),
  fc.string({ unit: 'binary', maxLength: 80 }),
);
const circular: unknown[] = [];
circular.push(circular, { circular });
const weird = fc.oneof(
  fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true, withSparseArray: true }),
  text,
  fc.constantFrom(
    Symbol('s'),
    () => 1,
    class {},
    NaN,
    Infinity,
    -0,
    2 ** 53,
    -(2 ** 63),
    2n ** 64n,
    circular,
    new Array(3),
  ),
);
const goodId: fc.Arbitrary<LockId> = fc.oneof(
  // An empty text and a lone surrogate are no ids.
  text.filter((one) => one !== '' && Buffer.from(one).toString() === one),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.maxSafeInteger(),
  fc.tuple(fc.integer(), fc.integer()),
);
const id = fc.oneof(
  { weight: 3, arbitrary: goodId },
  weird,
  fc.array(fc.oneof(goodId, weird), { maxLength: 5 }),
);
const duration = fc.oneof(
  fc.constantFrom(
    0,
    1,
    0.5,
    -1,
    '0',
    '1ms',
    '1 second',
    '-1s',
    '1e3',
    '0x10',
    'for ever',
    '100 years',
    2 ** 31,
    2 ** 53,
    1e300,
  ),
  fc.integer({ min: 0, max: 50 }),
  fc.double(),
  weird,
);
const flag = fc.oneof(fc.boolean(), fc.constant(undefined), weird);

function partly(shape: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Record<string, unknown>> {
  return fc.record(shape, { requiredKeys: [] });
}

async function property<T>(
  arbitrary: fc.Arbitrary<T>,
  check: (value: T) => Promise<void>,
  runs = RUNS,
): Promise<void> {
  await fc.assert(fc.asyncProperty(arbitrary, check), { numRuns: runs, endOnFailure: true });
}

async function expectVictimUnharmed(): Promise<void> {
  const { rows } = await database.admin.query('SELECT n FROM victim');
  expect(rows).toEqual([{ n: 42 }]);
  expect(await advisoryLocks(database)).toEqual([]);
}

let core: PgLockCore;
let service: PgLockService;
beforeEach(() => {
  core = openCore(database, { sessions: { max: 3 } });
  ({ service } = core);
});

describe('ids', () => {
  it('lock what they name, or are refused before any SQL', async () => {
    await property(id, async (given) => {
      const result = await settled(() => service.acquire(given as LockIds, { timeout: 0 }));
      if ('error' in result) {
        expect(result.error.code).toBe('PGLOCK_USAGE');
        return;
      }
      expect(result.value?.held).toBe(true);
      expect(result.value?.keys.length).toBeGreaterThan(0);
      await result.value?.release();
    });
    await expectVictimUnharmed();
  });

  it('are one key for everybody who asks about them', async () => {
    await property(id, async (given) => {
      const one = given as LockId;
      const key = await settled(() => service.advisoryKey(one));
      const held = await settled(() => service.isHeld(one));
      const asserted = await settled(() => service.assertHeld(one));
      expect('error' in asserted).toBe(true);
      if ('error' in key) {
        expect(held).toHaveProperty('error');
        return;
      }
      expect(held).toEqual({ value: false });
      await using lock = await service.acquire(one, { timeout: 0 });
      expect(lock?.key).toEqual(key.value);
    });
    await expectVictimUnharmed();
  });

  it('are found by the inspection while they are held', async () => {
    await property(
      goodId,
      async (one) => {
        await using lock = await service.acquire(one, { timeout: 0 });
        const found = await service.locks.find({ ids: [one] });
        expect(found.map(({ advisoryKey }) => advisoryKey)).toEqual([lock?.key]);
        // Another spelling of the same key may have been seen first: -18 and -18n.
        const known = found[0]?.advisoryId;
        if (typeof one === 'string' && one.length > 256) expect(known).toBeNull();
        else expect(service.advisoryKey(known as LockId)).toEqual(lock?.key);
      },
      60,
    );
  });
});

describe('options of advisory locks', () => {
  const options = partly({
    timeout: fc.oneof(duration, fc.constant(null)),
    onContention: fc.oneof(fc.constantFrom('throw', 'skip'), weird),
    shared: flag,
    sticky: flag,
    holdAtLeast: duration,
    maxHold: duration,
    signal: fc.oneof(fc.constant(undefined), weird),
    xact: flag,
    transaction: fc.oneof(fc.constant(undefined), weird),
    unknown: fc.oneof(fc.constant(undefined), weird),
  });

  it('do what they say, or are refused', async () => {
    await property(
      fc.oneof(options, weird),
      async (given) => {
        const result = await settled(() => service.acquire('options', given as AdvisoryLockOptions));
        if ('value' in result) {
          expect(result.value === null || typeof result.value.held === 'boolean').toBe(true);
          await settled(() => result.value?.release());
        }
        // `holdAtLeast` and `sticky` keep the lock beyond its release.
        await core.close();
        ({ service } = core = openCore(database));
      },
      Math.ceil(RUNS / 3),
    );
    await expectVictimUnharmed();
  });

  it('run the work once, or not at all', async () => {
    await property(
      fc.tuple(id, options, fc.oneof(fc.constant(undefined), weird)),
      async ([one, given, what]) => {
        let ran = 0;
        const work = what === undefined ? () => ++ran : (what as () => number);
        const result = await settled(() =>
          service.advisory(one as LockIds, given as AdvisoryLockOptions, work),
        );
        if ('error' in result && what === undefined) expect(ran).toBe(0);
        if ('value' in result && what === undefined) expect([0, 1]).toContain(ran);
        await core.close();
        ({ service } = core = openCore(database));
      },
      Math.ceil(RUNS / 3),
    );
    await expectVictimUnharmed();
  });
});

describe('durations', () => {
  it('of pglock.timeout reach the server as they are, or are refused', async () => {
    await property(
      fc.oneof(duration, fc.constant(null)),
      async (given) => {
        const shown = await settled(() =>
          service.timeout(
            given as number,
            async () => (await service.pool.query<{ lock_timeout: string }>('SHOW lock_timeout')).rows[0],
          ),
        );
        if ('value' in shown)
          expect(shown.value.lock_timeout).toMatch(given === null ? /^0$/ : /^\d+(ms|s|min|h|d)$/);
      },
      Math.ceil(RUNS / 2),
    );
  });
});

describe('spans longer than one timer of Node', () => {
  it('are no shorter for it', async () => {
    const other = openCore(database);
    const lock = await service.acquire('long', { holdAtLeast: '30 days', timeout: 0 });
    await lock?.release();
    await using mine = await service.acquire('expiring', { maxHold: '30 days', timeout: 0 });
    await using waiting = await other.service.acquire('waiting', { timeout: '30 days' });
    expect(await other.service.acquire('long', { timeout: 200 })).toBeNull();
    expect([mine?.held, waiting?.held]).toEqual([true, true]);
  });
});

describe('tables', () => {
  let client: Client;
  beforeEach(async () => {
    client = await database.connect();
  });

  const mode = fc.oneof(fc.constantFrom(...LOCK_MODES), weird);
  const targets = fc.oneof(
    text,
    weird,
    fc.record({ schema: text, table: text }),
    fc.array(fc.oneof(text, weird), { maxLength: 3 }),
  );

  it('are locked, or said not to be there, and the transaction stays usable', async () => {
    await property(
      fc.tuple(
        targets,
        partly({ mode, timeout: fc.oneof(duration, fc.constant(null)), onContention: weird, unknown: weird }),
      ),
      async ([target, given]) => {
        await client.query('BEGIN');
        await settled(() => service.model(target as string, { ...given, transaction: client }));
        expect((await client.query('SELECT n FROM victim')).rows).toEqual([{ n: 42 }]);
        await client.query('ROLLBACK');
      },
    );
    await expectVictimUnharmed();
  });

  it('of any name that PostgreSQL takes are the ones that are locked', async () => {
    const name = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 15 })
      .filter((one) => !one.includes('\0') && isWellFormed(one));
    await property(
      fc.oneof(name, fc.constantFrom(...INJECTIONS)),
      async (table) => {
        await client.query('BEGIN');
        await client.query(`CREATE TABLE "${table.replaceAll('"', '""')}" ()`);
        expect(await service.model({ table }, { transaction: client, mode: 'SHARE' })).toBe(true);
        const { rows } = await client.query<{ relname: string }>(
          `SELECT relname FROM pg_locks JOIN pg_class c ON c.oid = relation WHERE pid = pg_backend_pid() AND mode = 'ShareLock'`,
        );
        expect(rows).toEqual([{ relname: table }]);
        await client.query('ROLLBACK');
      },
      60,
    );
    await expectVictimUnharmed();
  });
});

describe('questions about locks', () => {
  const operand = fc.oneof(
    duration,
    fc.constantFrom(
      true,
      false,
      null,
      2 ** 31,
      2 ** 40,
      1e30,
      new Date(NaN),
      new Date(8.64e15),
      '-infinity',
      '%',
      '\\',
      'a\\',
    ),
    fc.date({ noInvalidDate: false }),
    fc.record({ classId: fc.integer(), objId: fc.integer(), objSubId: fc.integer({ min: 0, max: 3 }) }),
  );
  const condition: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
    one: fc.oneof({ maxDepth: 3 }, operand, tie('operators')),
    operators: fc.dictionary(
      fc.constantFrom('in', 'not', 'gt', 'gte', 'lt', 'lte', 'like', 'isNull', 'or', '__proto__'),
      fc.oneof(operand, fc.array(operand, { maxLength: 3 }), tie('one')),
      { maxKeys: 2 },
    ),
  })).one;
  const ACTIVITY = [
    'pid',
    'duration',
    'query',
    'state',
    'applicationName',
    'context',
    'user',
    'clientAddress',
    'xactStart',
    'backendStart',
  ];
  const LOCK = [
    'activityId',
    'type',
    'mode',
    'granted',
    'waitStart',
    'waitDuration',
    'relKind',
    'relName',
    'relSchema',
    'advisoryKey',
    'advisoryId',
  ];
  const attributes = (names: readonly string[]) =>
    fc.dictionary(fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...names) }, text), condition, {
      maxKeys: 3,
    });
  const where = fc.oneof(
    { weight: 6, arbitrary: attributes(LOCK) },
    { weight: 3, arbitrary: attributes(ACTIVITY).map((activity) => ({ activity })) },
    { weight: 1, arbitrary: weird },
  );
  const query = partly({
    where,
    on: fc.oneof(text, weird),
    ids: fc.oneof(fc.array(goodId, { maxLength: 3 }), weird),
    pids: fc.oneof(fc.array(fc.oneof(fc.integer(), fc.double()), { maxLength: 3 }), weird),
    filters: fc.oneof(
      fc.array(
        fc.oneof(text, fc.constantFrom('activity.duration>=5s', 'pid=1', 'granted=maybe', 'mode!=x')),
        { maxLength: 2 },
      ),
      weird,
    ),
    orderBy: fc.oneof(fc.constantFrom('-activity.duration', 'pid', { waitDuration: 'desc' }), text, weird),
    limit: fc.oneof(fc.integer(), fc.double(), weird),
    config: fc.oneof(text, weird),
    allDatabases: flag,
  });

  it.each(['locks', 'blocked'] as const)(
    '%s: have an answer, or are refused with what there is',
    async (which) => {
      await property(fc.oneof({ weight: 9, arbitrary: query }, weird), async (given) => {
        const result = await settled(() => service[which].find(given as object));
        if ('value' in result) expect(Array.isArray(result.value)).toBe(true);
      });
      await expectVictimUnharmed();
    },
  );

  it.each(['terminateActivity', 'cancelActivity'] as const)(
    '%s that signals nobody: the same, and never means everybody',
    async (verb) => {
      await property(fc.oneof({ weight: 9, arbitrary: query }, fc.constant({})), async (given) => {
        const result = await settled(() => service.locks[verb]({ ...given, dryRun: true }));
        if ('error' in result) expect(result.error.code).toMatch(/^(PGLOCK_USAGE|42P01)$/);
        else expect(Object.keys(given)).not.toHaveLength(0);
      });
      await expectVictimUnharmed();
    },
  );

  it('where clauses alone: the same', async () => {
    await property(where, async (given) => {
      const result = await settled(() => service.locks.find({ where: given as object }));
      if ('error' in result) expect(result.error.code).toBe('PGLOCK_USAGE');
    });
  });
});

describe('contexts of flows', () => {
  it('reach the names of sessions and nothing else, or are refused, and the work runs once', async () => {
    const context = fc.oneof(
      { weight: 3, arbitrary: fc.dictionary(text, fc.oneof(text, weird), { maxKeys: 4 }) },
      weird,
    );
    await property(context, async (given) => {
      let ran = 0;
      const result = await settled(() =>
        service.withContext(given as Record<string, string>, async () => {
          ran++;
          return (await service.pool.query<{ one: number }>('SELECT 1 AS one')).rows;
        }),
      );
      if ('error' in result) expect([result.error.code, ran]).toEqual(['PGLOCK_USAGE', 0]);
      else expect([result.value, ran]).toEqual([[{ one: 1 }], 1]);
    });
    await expectVictimUnharmed();
  });
});

describe('transactions', () => {
  it('run the work once under options that they take, and not at all under others', async () => {
    const options = partly({
      isolation: fc.oneof(fc.constantFrom('SERIALIZABLE', 'REPEATABLE READ', 'READ COMMITTED'), text, weird),
      readOnly: flag,
      deferrable: flag,
      unknown: fc.oneof(fc.constant(undefined), weird),
    });
    await property(
      fc.oneof(options, weird),
      async (given) => {
        let ran = 0;
        const result = await settled(() => service.transaction(() => ++ran, given as object));
        if ('error' in result) expect([result.error.code, ran]).toEqual(['PGLOCK_USAGE', 0]);
        else expect([result.value, ran]).toEqual([1, 1]);
      },
      Math.ceil(RUNS / 2),
    );
    await expectVictimUnharmed();
  });
});

describe('prioritize', () => {
  it('runs the work once under options that it takes, and not at all under others', async () => {
    const options = partly({
      ...{
        interval: duration,
        periodic: flag,
        timeout: fc.oneof(duration, fc.constant(null)),
        escalate: duration,
      },
      ...{
        protect: weird,
        dryRun: flag,
        onBlocked: weird,
        onKilled: weird,
        transaction: weird,
        retries: weird,
        retryDelay: duration,
      },
    });
    await property(
      fc.oneof(
        options,
        weird.filter((one) => typeof one !== 'function'),
      ),
      async (given) => {
        let ran = 0;
        const result = await settled(() => service.prioritize(given as object, () => ++ran));
        expect(ran).toBe('error' in result ? 0 : 1);
      },
    );
  });
});

describe('options of the module', () => {
  it('are taken, or refused with the name of the option', async () => {
    const names = [
      'connection',
      'pool',
      'namespace',
      'advisory',
      'prioritize',
      'sessions',
      'httpStatus',
      'attributes',
      'limit',
      'configs',
      'name',
      'telemetry',
    ];
    const options = fc.dictionary(
      fc.oneof(fc.constantFrom(...names), fc.string()),
      fc.oneof(weird, duration),
      {
        maxKeys: 4,
      },
    );
    await property(fc.oneof(options, weird), async (given) => {
      const result = await settled(() => resolveOptions(given as PgLockModuleOptions));
      if ('error' in result) expect(result.error.code).toBe('PGLOCK_CONFIGURATION');
    });
  });
});

function isWellFormed(value: string): boolean {
  return Buffer.from(value, 'utf8').toString('utf8') === value;
}
