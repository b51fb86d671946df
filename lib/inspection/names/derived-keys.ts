import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { AdvisoryKey } from '../../vocabulary/lock-id.js';
import { int8Of } from '../../vocabulary/lock-key-text.js';
import type { NamedRelation, NamingFacts } from './naming-facts.js';

/** A tool that may have taken a key. @internal */
export interface Candidate {
  readonly name: string;
  /** Whether what the database has confirms it. */
  readonly confirmed: boolean;
}

/** Who may have taken a key that a tool computes. Pure. */
type Rule = (key: AdvisoryKey, facts: NamingFacts, applicationName: string) => readonly Candidate[];

const UINT4 = 2n ** 32n;

/** Keys that are a constant times the CRC-32 of the database's name. */
function timesDatabase(factor: bigint, name: string, tables: readonly string[]): Rule {
  return (key, { database, databases, tables: found }) => {
    if (key.objSubId !== 1) return [];
    const value = int8Of(key);
    const crc = value / factor;
    if (value % factor !== 0n || crc <= 0n || crc >= UINT4) return [];
    const match = databases.find((datname) => BigInt(crc32(datname)) === crc);
    const confirmed = match === database && tables.every((table) => has(found, table));
    return [
      {
        name: match === undefined ? name : `${name} of "${match}"`,
        confirmed: match !== undefined && confirmed,
      },
    ];
  };
}

/** Keys by what they are computed from, made once for each reading of the database. */
function perFacts<T>(build: (facts: NamingFacts) => T): (facts: NamingFacts) => T {
  const built = new WeakMap<NamingFacts, T>();
  return (facts) => {
    const found = built.get(facts) ?? build(facts);
    built.set(facts, found);
    return found;
  };
}

const golangMigrateKeys = perFacts(({ databases, tables }) => {
  const salted = (text: string) => Number((BigInt(crc32(text)) * 1486364155n) % UINT4);
  return new Map(
    databases.flatMap((database) =>
      tables.map(({ schema, name, columns }) => [
        salted(`${schema}\0${name}\0${database}`),
        { name: `golang-migrate of "${database}"`, confirmed: columns.includes('dirty') },
      ]),
    ),
  );
});

const golangMigrate: Rule = ({ classId, objId, objSubId }, facts) =>
  objSubId === 1 && classId === 0 ? listOf(golangMigrateKeys(facts).get(objId)) : [];

const FLYWAY = 77431708279161n;

const flywayTables = perFacts(
  ({ tables }) => new Map(tables.map((table) => [javaHash(`"${table.schema}"."${table.name}"`), table])),
);

const flyway: Rule = (key, facts) => {
  const rest = int8Of(key) - FLYWAY;
  if (key.objSubId !== 1 || BigInt.asIntN(32, rest) !== rest) return [];
  const table = flywayTables(facts).get(Number(rest));
  const name = table === undefined ? 'Flyway' : `Flyway (${qualified(table)})`;
  return [{ name, confirmed: table !== undefined }];
};

/** `String.hashCode()` of Java. */
function javaHash(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index++) hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0;
  return hash;
}

const PG_REPACK = 16185446;

const pgRepack: Rule = ({ classId, objId, objSubId }, { tables }, applicationName) => {
  if (objSubId !== 2 || classId !== PG_REPACK) return [];
  const table = tables.find(({ oid }) => (oid + 2 ** 31) >>> 0 === objId);
  return [
    {
      name: table === undefined ? 'pg_repack' : `pg_repack on ${qualified(table)}`,
      confirmed: applicationName === 'pg_repack',
    },
  ];
};

/** The oid of the table that pg_repack works on. @internal */
export function repackedTable({ classId, objId, objSubId }: AdvisoryKey): number | undefined {
  return objSubId === 2 && classId === PG_REPACK ? (objId + 2 ** 31) >>> 0 : undefined;
}

const BOSS_TASKS = ['', 'create-queue', 'delete-queue', 'bamClaim', 'queue-stats', 'queue-stats-insert'];
const BOSS_TABLE_TASKS = ['failJobsByTimeout', 'failJobsByHeartbeat', 'deletion', 'cleanupDependencies'];

const pgBossKeys = perFacts(({ database, tables }) => {
  const schemas = tables.filter(({ name }) => name === 'queue').map(({ schema }) => schema);
  return new Map(
    schemas.flatMap((schema) => {
      const own = tables.filter((table) => table.schema === schema).map(({ name }) => name);
      const tasks = own.flatMap((table) => BOSS_TABLE_TASKS.map((task) => `${table}${task}`));
      return [...BOSS_TASKS, ...tasks].map((task) => [
        first8('sha224', `${database}.pgboss.${schema}${task}`),
        { name: `pg-boss ${task || 'migration'} in schema ${schema}`, confirmed: true },
      ]);
    }),
  );
});

const pgBoss: Rule = (key, facts) => (key.objSubId === 1 ? listOf(pgBossKeys(facts).get(int8Of(key))) : []);

const dbosKeys = perFacts(
  ({ schemas }) =>
    new Map(
      [...new Set(['dbos', ...schemas])].map((schema) => [
        first8('sha256', `dbos.datasource_migrations.${schema}`),
        { name: `DBOS migrations of schema ${schema}`, confirmed: schemas.has(schema) },
      ]),
    ),
);

const dbos: Rule = (key, facts) => (key.objSubId === 1 ? listOf(dbosKeys(facts).get(int8Of(key))) : []);

const slonikKeys = perFacts(
  ({ tables }) =>
    new Map(
      [...new Set(['migration', ...tables.map(({ name }) => name)])].map((table) => {
        const text = `@slonik/migrator advisory lock:${JSON.stringify(table)}`;
        const hash = createHash('md5').update(text).digest().readUInt32BE(0);
        return [hash, { name: '@slonik/migrator', confirmed: has(tables, table) }];
      }),
    ),
);

const slonik: Rule = ({ classId, objId, objSubId }, facts) =>
  objSubId === 1 && classId === 0 ? listOf(slonikKeys(facts).get(objId)) : [];

const PARTMAN_PAIRS: Readonly<Record<number, string>> = {
  1734705784: 'partition_data_proc',
  2070001301: 'undo_partition_proc',
};

const pgPartman: Rule = ({ classId, objId, objSubId }, { hashes, extensions }) => {
  const procedure = objSubId === 2 ? PARTMAN_PAIRS[classId] : undefined;
  if (procedure === undefined) return [];
  const table = hashes.find(({ kind, hash }) => kind === 'partition' && hash >>> 0 === objId);
  return [
    {
      name: `pg_partman ${procedure}${table === undefined ? '' : ` on ${table.name}`}`,
      confirmed: extensions.has('pg_partman'),
    },
  ];
};

const hashtextKeys = perFacts(
  ({ hashes }) =>
    new Map(
      hashes
        .filter(({ kind }) => kind !== 'partition')
        .map(({ kind, name, hash }) => [
          hash >>> 0,
          kind === 'slot'
            ? { name: `ElectricSQL on slot ${name}`, confirmed: name.startsWith('electric') }
            : { name: `Medusa migrations of ${name}`, confirmed: false },
        ]),
    ),
);

/** Keys that are a `hashtext` of four bytes, with its sign. */
const hashtext: Rule = ({ classId, objId, objSubId }, facts) => {
  const isExtended = classId === (objId >= 2 ** 31 ? 2 ** 32 - 1 : 0);
  return objSubId === 1 && isExtended ? listOf(hashtextKeys(facts).get(objId)) : [];
};

/** Ruby's with_advisory_lock: a name's CRC-32, and 0. */
const withAdvisoryLock: Rule = ({ classId, objId, objSubId }) =>
  objSubId === 2 && objId === 0 && classId < 2 ** 31
    ? [{ name: 'with_advisory_lock (Ruby)', confirmed: false }]
    : [];

/** .NET's DistributedLock: up to nine characters of seven bits, a 0, and 1s to the end. */
const distributedLock: Rule = (key) => {
  if (key.objSubId !== 1) return [];
  const bits = BigInt.asUintN(64, int8Of(key)).toString(2).padStart(64, '0');
  const text = bits.slice(0, bits.lastIndexOf('0'));
  if (text.length === 0 || text.length % 7 !== 0) return [];
  const name = (text.match(/.{7}/g) ?? [])
    .map((part) => String.fromCharCode(Number.parseInt(part, 2)))
    .join('');
  return /^[\w.:/-]+$/.test(name) ? [{ name: `DistributedLock (.NET) "${name}"`, confirmed: false }] : [];
};

/** @internal */
export const DERIVED_KEYS: readonly Rule[] = [
  timesDatabase(2053462845n, 'Rails migrations', ['schema_migrations', 'ar_internal_metadata']),
  timesDatabase(1026731422n, 'sqlx migrations', ['_sqlx_migrations']),
  golangMigrate,
  flyway,
  pgRepack,
  pgBoss,
  dbos,
  slonik,
  pgPartman,
  hashtext,
  withAdvisoryLock,
  distributedLock,
];

function listOf<T>(found: T | undefined): readonly T[] {
  return found === undefined ? [] : [found];
}

function has(tables: readonly NamedRelation[], wanted: string): boolean {
  return tables.some(({ name }) => name === wanted);
}

function qualified({ schema, name }: NamedRelation): string {
  return schema === 'public' ? name : `${schema}.${name}`;
}

function first8(algorithm: string, text: string): bigint {
  return createHash(algorithm).update(text).digest().readBigInt64BE(0);
}
