import { PgLockUsageError } from '../../../lib/errors/pg-lock-usage.error.js';
import { lockedThing } from '../../../lib/inspection/lock-text.js';
import {
  advisoryNamesOf,
  registeredNamesOf,
  type NamingContext,
} from '../../../lib/inspection/names/advisory-names.js';
import type { NamedRelation, NamingFacts } from '../../../lib/inspection/names/naming-facts.js';
import { registerAdvisoryNames } from '../../../lib/inspection/names/registered-names.js';
import { advisoryKey } from '../../../lib/vocabulary/lock-id.js';
import { keyText } from '../../../lib/vocabulary/lock-key-text.js';

const bigint = (classId: number, objId: number) => ({ classId, objId, objSubId: 1 as const });
const pair = (classId: number, objId: number) => ({ classId, objId, objSubId: 2 as const });
const table = (name: string, given: Partial<NamedRelation> = {}): NamedRelation => ({
  schema: 'public',
  name,
  oid: 1,
  columns: [],
  ...given,
});

/** A database called shop, with these. */
function shop(given: Partial<NamingFacts> = {}): NamingContext {
  return {
    facts: {
      database: 'shop',
      databases: ['postgres', 'shop'],
      schemas: new Set(['public']),
      extensions: new Set(),
      tables: [],
      hashes: [],
      ...given,
    },
  };
}

describe('a constant key', () => {
  it.each([
    ['prisma migrate', 0, 72707369, '72707369'],
    ['node-pg-migrate', 1686128, 708954076, '7241865325823964'],
    ['graphile-migrate', 1100694, 573543859, '4727445306447283'],
    ['Kysely migrations', 897169763, 17238259, '3853314791062309107'],
    ['postgres-migrations', 2310019644, 3648988387, '-8525285245963000605'],
    ['Supabase Storage migrations', 2310019644, 3648988387, '-8525285245963000605'],
    ['Supabase Storage, multitenant jobs', 2298215131, 929195235, '-8575985245963000605'],
    ['rake-db migrations', 1998185579, 2679797257, '8582141715823621641'],
    ['AdonisJS Lucid migrations', 0, 1, '1'],
    ['Unleash migrations', 0, 479341, '479341'],
    ['Sqitch', 0, 75474063, '75474063'],
    ['pgBackRest backup', 2873148, 2290436513, '12340078987004321'],
    ['pg_partman run_maintenance', 4294967295, 3305990517, '-988976779'],
    ['pg_partman drop_partition_time()', 4294967295, 4030192859, '-264774437'],
    ['pg_partman drop_partition_id()', 0, 487439991, '487439991'],
    ['pg_partman undo_partition()', 4294967295, 2425217397, '-1869749899'],
    ['pg_partman reapply_constraints_proc()', 4294967295, 3498485719, '-796481577'],
    ['pg_partman run_maintenance_proc()', 4294967295, 2441015596, '-1853951700'],
    ['pg_partman run_analyze()', 4294967295, 2213685526, '-2081281770'],
    ['goose migrations', 0, 4097083626, '4097083626'],
    ['tern migrations', 2241733, 3628731256, '9628173550095224'],
    ['Apache Airflow migrations', 0, 1, '1'],
    ["Apache Airflow scheduler's critical section", 0, 2, '2'],
    ['Mage AI migrations', 0, 1, '1'],
    ['graph-node migrations', 0, 1, '1'],
    ['graph-node migrations', 0, 2, '2'],
    ['n8n auth roles sync', 0, 1001, '1001'],
    ['n8n trusted key refresh', 0, 1002, '1002'],
    ['n8n workflow statistics rollup', 0, 1003, '1003'],
    ['n8n workflow review mutation', 0, 1004, '1004'],
    ['n8n migrations', 0, 1005, '1005'],
    ['n8n eval collection rerun', 0, 1006, '1006'],
    ['n8n instance ai settings', 0, 1007, '1007'],
    ['n8n data encryption key seed', 0, 1008, '1008'],
    ['n8n insights compaction', 0, 1009, '1009'],
  ])('is shown as what may have taken it, as pg_locks has it: %s', (name, classId, objId, text) => {
    const key = bigint(classId, objId);
    expect(keyText(key)).toBe(text);
    expect(advisoryNamesOf(key)).toContainEqual({ name, certain: false });
  });
});

describe('a name is certain', () => {
  const PRISMA = advisoryKey(72707369);

  it('where the table of the tool is in the database', () => {
    expect(advisoryNamesOf(PRISMA, shop())).toEqual([{ name: 'prisma migrate', certain: false }]);
    expect(advisoryNamesOf(PRISMA, shop({ tables: [table('_prisma_migrations')] }))).toEqual([
      { name: 'prisma migrate', certain: true },
    ]);
  });

  it('of tools that share a key, where exactly one is confirmed', () => {
    const shared = advisoryKey(-8525285245963000605n);
    const migrations = table('migrations', { columns: ['hash'] });
    const storage = new Set(['storage']);
    expect(advisoryNamesOf(shared, shop())).toEqual([
      { name: 'postgres-migrations', certain: false },
      { name: 'Supabase Storage migrations', certain: false },
    ]);
    expect(advisoryNamesOf(shared, shop({ tables: [table('migrations')] }))).toHaveLength(2);
    expect(advisoryNamesOf(shared, shop({ tables: [migrations] }))).toEqual([
      { name: 'postgres-migrations', certain: true },
    ]);
    expect(advisoryNamesOf(shared, shop({ schemas: storage }))).toEqual([
      { name: 'Supabase Storage migrations', certain: true },
    ]);
    expect(advisoryNamesOf(shared, shop({ tables: [migrations], schemas: storage }))).toEqual([
      { name: 'postgres-migrations', certain: false },
      { name: 'Supabase Storage migrations', certain: false },
    ]);
    expect(advisoryNamesOf(advisoryKey(1), shop({ tables: [table('dag_run')] }))).toEqual([
      { name: 'Apache Airflow migrations', certain: true },
    ]);
    expect(advisoryNamesOf(advisoryKey(2)).map(({ certain }) => certain)).toEqual([false, false]);
  });

  it('where the application says what it is, or the extension is there', () => {
    const backup = advisoryKey(12340078987004321n);
    expect(advisoryNamesOf(backup, { applicationName: 'pgBackRest [backup]' })).toEqual([
      { name: 'pgBackRest backup', certain: true },
    ]);
    expect(advisoryNamesOf(backup, { applicationName: 'psql' })[0]?.certain).toBe(false);
    const maintenance = advisoryKey(-988976779);
    expect(advisoryNamesOf(maintenance, shop({ extensions: new Set(['pg_partman']) }))).toEqual([
      { name: 'pg_partman run_maintenance', certain: true },
    ]);
  });
});

describe('a computed key', () => {
  const rails = [table('schema_migrations'), table('ar_internal_metadata')];
  const boss = [table('queue', { schema: 'pgboss' }), table('job_common', { schema: 'pgboss' })];
  const slot = { kind: 'slot', name: 'electric_slot_default', hash: -1768572819 };
  const module = { kind: 'module', name: 'product', hash: -1929754406 };
  const partition = { kind: 'partition', name: 'public.ev', hash: 11397322 };

  it.each([
    ['Rails migrations of "shop"', bigint(1383001064, 1316739226), shop({ tables: rails }), true],
    ['Rails migrations of "shop"', bigint(1383001064, 1316739226), shop(), false],
    ['Rails migrations', bigint(1383001064, 1316739226), {}, false],
    [
      'sqlx migrations of "shop"',
      bigint(691500531, 3507013116),
      shop({ tables: [table('_sqlx_migrations')] }),
      true,
    ],
    [
      'golang-migrate of "shop"',
      bigint(0, 3689236698),
      shop({ tables: [table('schema_migrations', { columns: ['dirty'] })] }),
      true,
    ],
    [
      'Flyway (flyway_schema_history)',
      bigint(18028, 4163491309),
      shop({ tables: [table('flyway_schema_history')] }),
      true,
    ],
    ['Flyway', bigint(18028, 4163491309), shop(), false],
    [
      'pg_repack on orders',
      pair(16185446, 2147500954),
      { ...shop({ tables: [table('orders', { oid: 17306 })] }), applicationName: 'pg_repack' },
      true,
    ],
    ['pg_repack', pair(16185446, 2147500954), shop(), false],
    ['pg-boss migration in schema pgboss', bigint(1015023358, 543542), shop({ tables: boss }), true],
    ['pg-boss create-queue in schema pgboss', bigint(2068623659, 3992445718), shop({ tables: boss }), true],
    ['pg-boss delete-queue in schema pgboss', bigint(4063008101, 4233486339), shop({ tables: boss }), true],
    ['pg-boss bamClaim in schema pgboss', bigint(3312587989, 2184447196), shop({ tables: boss }), true],
    ['pg-boss queue-stats in schema pgboss', bigint(3291429607, 2492982397), shop({ tables: boss }), true],
    [
      'pg-boss job_commonfailJobsByTimeout in schema pgboss',
      bigint(13083301, 3364445221),
      shop({ tables: boss }),
      true,
    ],
    [
      'pg-boss job_commonfailJobsByHeartbeat in schema pgboss',
      bigint(2503125679, 1281815706),
      shop({ tables: boss }),
      true,
    ],
    [
      'pg-boss job_commondeletion in schema pgboss',
      bigint(876562755, 1897402206),
      shop({ tables: boss }),
      true,
    ],
    [
      'pg-boss job_commoncleanupDependencies in schema pgboss',
      bigint(435243485, 1269736655),
      shop({ tables: boss }),
      true,
    ],
    ['@slonik/migrator', bigint(0, 1230759186), shop({ tables: [table('migration')] }), true],
    [
      'DBOS migrations of schema dbos',
      bigint(4169312562, 2152881705),
      shop({ schemas: new Set(['dbos']) }),
      true,
    ],
    ['DBOS migrations of schema dbos', bigint(4169312562, 2152881705), {}, false],
    [
      'pg_partman partition_data_proc on public.ev',
      pair(1734705784, 11397322),
      shop({ hashes: [partition], extensions: new Set(['pg_partman']) }),
      true,
    ],
    [
      'ElectricSQL on slot electric_slot_default',
      bigint(4294967295, 2526394477),
      shop({ hashes: [slot] }),
      true,
    ],
    ['Medusa migrations of product', bigint(4294967295, 2365212890), shop({ hashes: [module] }), false],
    ['with_advisory_lock (Ruby)', pair(275060548, 0), shop(), false],
  ] as const)('is recognised: %s', (name, key, context, certain) => {
    expect(advisoryNamesOf(key, context as NamingContext)).toEqual([{ name, certain }]);
  });

  it('of .NET is decoded where it is a short name', () => {
    const bits = 'orders'
      .split('')
      .map((c) => c.charCodeAt(0).toString(2).padStart(7, '0'))
      .join('')
      .concat('0')
      .padEnd(64, '1');
    expect(advisoryNamesOf(advisoryKey(BigInt.asIntN(64, BigInt(`0b${bits}`))))).toEqual([
      { name: 'DistributedLock (.NET) "orders"', certain: false },
    ]);
  });

  it('that no tool is known to take has no name', () => {
    expect(advisoryNamesOf(advisoryKey('billing.close'), shop({ tables: [...rails, ...boss] }))).toEqual([]);
    expect(advisoryNamesOf(advisoryKey(4711), shop())).toEqual([]);
  });
});

describe('registerAdvisoryNames', () => {
  it('names a key, however it is given, before any tool', () => {
    registerAdvisoryNames([
      { name: 'nightly import', key: 74711n },
      { name: 'by figures', key: { classId: 4294967295, objId: 7, objSubId: 2 } },
    ]);
    expect(advisoryNamesOf(advisoryKey(74711))).toEqual([{ name: 'nightly import', certain: true }]);
    expect(advisoryNamesOf(advisoryKey([-1, 7]))).toEqual([{ name: 'by figures', certain: true }]);
  });

  it('names a lock whose id is a pair of numbers, which says nothing by itself', () => {
    registerAdvisoryNames([{ name: 'shard rebalance', key: [1074944137, 9] }]);
    const key = advisoryKey([1074944137, 9]);
    const advisoryNames = registeredNamesOf(key, {});
    const lock = { type: 'ADVISORY', relName: null, relSchema: null, transactionId: null } as const;
    const shown = (advisoryId: string | readonly [number, number]) =>
      lockedThing({ ...lock, advisoryKey: key, advisoryId, advisoryNames });
    expect(shown([1074944137, 9])).toBe('1074944137,9 (shard rebalance)');
    expect(shown('billing.close')).toBe('billing.close');
  });

  it.each([
    [[{ name: '', key: 1n }]],
    [[{ key: 1n }]],
    [[{ name: 'x', key: 1.5 }]],
    [[{ name: 'fine', key: 99n }, 'billing']],
    ['names'],
  ])('refuses %p, and takes none of them', (names) => {
    expect(() => registerAdvisoryNames(names as never)).toThrow(PgLockUsageError);
    expect(advisoryNamesOf(advisoryKey(99))).toEqual([]);
  });
});
