import type { HazardName } from '../../../lib/explain/hazards/hazard-names.js';

/** What shows a hazard, and what is like it and does not. The tables are those of `DDL_SCHEMA`. */
export interface HazardCase {
  readonly hazard: HazardName;
  readonly shows: readonly string[];
  readonly hides: readonly string[];
  /** Runs before it, and is committed. */
  readonly before?: string;
  /** Runs before what hides it, and is committed; `before` where it is not given. */
  readonly beforeHidden?: string;
  /** The majors on which it shows; on others the same statements do not. */
  readonly since?: number;
  readonly carryOut?: true;
  /**
   * Where the statements of the remedy go: in place of what shows the hazard, in front of it, before its last statement, behind
   * it, before each of its transactions, or nowhere, where it says to run the same in another way. `last`: its last statement is
   * explained in place of the hazard, and those before are really committed.
   */
  readonly remedy?:
    'instead' | 'in front' | 'at the end' | 'between' | 'behind' | 'first of each' | 'as it is' | 'last';
  /** Of `shows`, those whose remedy is for people, and has no statement. */
  readonly advice?: readonly string[];
  /** The lock cannot be avoided: what the remedy does is to wait for it in another way. */
  readonly inherent?: true;
  /** What fails only because COMMIT is simulated. */
  readonly mayFail?: string;
}

const ATTACH = 'ALTER TABLE p ATTACH PARTITION q FOR VALUES FROM (100) TO (200)';
const REFERENCED = 'ALTER TABLE p ADD PRIMARY KEY (id); CREATE TABLE f (p_id int REFERENCES p)';
const NEW_PARTITION = 'CREATE TABLE n PARTITION OF p FOR VALUES FROM (100) TO (200)';
const NOT_VALID = 'ALTER TABLE s ADD CONSTRAINT n FOREIGN KEY (t_id) REFERENCES t NOT VALID';

export const HAZARD_CASES: readonly HazardCase[] = [
  {
    hazard: 'no-lock-timeout',
    shows: [
      'ALTER TABLE t ADD n int',
      "SET lock_timeout = '2s'; RESET lock_timeout; ALTER TABLE t ADD n int",
    ],
    hides: ["SET lock_timeout = '2s'; ALTER TABLE t ADD n int", 'CREATE TABLE n (a int)', 'SELECT * FROM t'],
    remedy: 'in front',
  },
  {
    hazard: 'access-exclusive',
    shows: ['ALTER TABLE t ADD n int', 'DROP INDEX t_a'],
    hides: ['ALTER TABLE t VALIDATE CONSTRAINT a_check', 'CREATE TABLE n (a int); ALTER TABLE n ADD b int'],
    remedy: 'in front',
    inherent: true,
  },
  {
    hazard: 'rewrite',
    shows: [
      'ALTER TABLE s ALTER t_id TYPE bigint',
      'ALTER TABLE s SET UNLOGGED',
      'REINDEX INDEX t_a',
      'ALTER TABLE p ADD n float DEFAULT random()',
    ],
    hides: ['ALTER TABLE t ALTER c TYPE text', 'ALTER TABLE t ADD n int DEFAULT 1', 'TRUNCATE s'],
    remedy: 'instead',
  },
  {
    hazard: 'volatile-default',
    shows: [
      'ALTER TABLE s ADD n float DEFAULT random()',
      'ALTER TABLE s ADD n bigserial',
      'ALTER TABLE s ADD COLUMN n float DEFAULT random() NOT NULL',
      'ALTER TABLE s ADD COLUMN n int GENERATED ALWAYS AS IDENTITY',
      'ALTER TABLE p ADD n float DEFAULT random()',
    ],
    hides: ['ALTER TABLE s ADD n int DEFAULT 1', 'ALTER TABLE s ADD n timestamptz DEFAULT now()'],
    remedy: 'instead',
  },
  {
    hazard: 'type-change-rewrite',
    shows: [
      'ALTER TABLE s ALTER t_id TYPE bigint',
      'ALTER TABLE s ALTER COLUMN t_id SET DATA TYPE text USING t_id::text',
    ],
    hides: ['ALTER TABLE t ALTER c TYPE varchar(20)', 'ALTER TABLE t ALTER c TYPE text'],
    remedy: 'instead',
  },
  {
    hazard: 'set-not-null',
    shows: [
      'ALTER TABLE t ALTER a SET NOT NULL',
      'ALTER TABLE public.t ALTER COLUMN "a" SET NOT NULL',
      'ALTER TABLE p ALTER a SET NOT NULL',
    ],
    hides: ['ALTER TABLE t ALTER a SET NOT NULL'],
    beforeHidden: 'ALTER TABLE t ADD CONSTRAINT n CHECK (a IS NOT NULL)',
    remedy: 'instead',
  },
  {
    hazard: 'index-not-concurrent',
    shows: [
      'CREATE INDEX n ON t (a)',
      'CREATE UNIQUE INDEX n ON t (a)',
      'CREATE INDEX IF NOT EXISTS n ON ONLY t USING hash (a)',
    ],
    hides: [
      'CREATE INDEX CONCURRENTLY n ON t (a)',
      'CREATE TABLE n (a int); CREATE INDEX ON n (a)',
      'CREATE INDEX IF NOT EXISTS t_a ON t (a)',
    ],
    carryOut: true,
    remedy: 'instead',
  },
  {
    hazard: 'foreign-key-not-valid',
    shows: [
      'ALTER TABLE s ADD CONSTRAINT n FOREIGN KEY (t_id) REFERENCES t',
      'ALTER TABLE s ADD FOREIGN KEY (t_id) REFERENCES t (id) ON DELETE CASCADE',
      'ALTER TABLE p ADD CONSTRAINT n FOREIGN KEY (a) REFERENCES t',
      'ALTER TABLE s ADD n int, ADD FOREIGN KEY (n) REFERENCES t',
    ],
    hides: [NOT_VALID, 'CREATE TABLE n (a int REFERENCES t)'],
    remedy: 'instead',
  },
  {
    hazard: 'check-not-valid',
    shows: [
      'ALTER TABLE t ADD CONSTRAINT n CHECK (a > 0)',
      'ALTER TABLE t ADD CHECK (a > 0)',
      'ALTER TABLE t ADD n int, ADD CONSTRAINT o CHECK (n > a)',
      'ALTER TABLE p ADD CHECK (a > 0)',
    ],
    hides: ['ALTER TABLE t ADD CONSTRAINT n CHECK (a > 0) NOT VALID'],
    remedy: 'instead',
  },
  {
    hazard: 'unique-not-by-index',
    shows: [
      'ALTER TABLE t ADD CONSTRAINT n UNIQUE (a)',
      'ALTER TABLE t ADD UNIQUE (a, id)',
      'ALTER TABLE t ADD n int, ADD UNIQUE (n)',
    ],
    hides: ['ALTER TABLE t ADD CONSTRAINT n UNIQUE USING INDEX t_u'],
    beforeHidden: 'CREATE UNIQUE INDEX t_u ON t (a)',
    carryOut: true,
    remedy: 'instead',
  },
  {
    hazard: 'exclusion-constraint',
    shows: ['ALTER TABLE t ADD CONSTRAINT n EXCLUDE USING btree (a WITH =)'],
    hides: ['ALTER TABLE t ADD CONSTRAINT n UNIQUE (a)'],
    remedy: 'instead',
  },
  {
    hazard: 'several-tables',
    shows: ['ALTER TABLE t ADD n int; ALTER TABLE s ADD n int'],
    hides: [
      'ALTER TABLE t ADD n int; COMMIT; ALTER TABLE s ADD n int',
      'ALTER TABLE t ADD n int; ALTER TABLE t ADD o int',
    ],
    remedy: 'between',
  },
  {
    hazard: 'lock-order',
    shows: [
      'ALTER TABLE t ADD n int; ALTER TABLE s ADD n int; COMMIT; ALTER TABLE s ADD o int; ALTER TABLE t ADD o int',
    ],
    hides: [
      'ALTER TABLE t ADD n int; ALTER TABLE s ADD n int; COMMIT; ALTER TABLE t ADD o int; ALTER TABLE s ADD o int',
    ],
    remedy: 'first of each',
  },
  {
    hazard: 'data-change-before-ddl',
    shows: ['UPDATE s SET t_id = t_id; ALTER TABLE t ADD n int'],
    hides: [
      'UPDATE s SET t_id = t_id; COMMIT; ALTER TABLE t ADD n int',
      'INSERT INTO s VALUES (100); ALTER TABLE t ADD n int',
    ],
    remedy: 'between',
  },
  {
    hazard: 'data-change-under-lock',
    shows: ['ALTER TABLE t ADD n int; UPDATE s SET t_id = t_id', 'ALTER TABLE t ADD n int; DELETE FROM t'],
    hides: [
      'ALTER TABLE t ADD n int; COMMIT; UPDATE s SET t_id = t_id',
      'CREATE TABLE n (a int); UPDATE s SET t_id = t_id',
    ],
    remedy: 'between',
  },
  {
    hazard: 'rename',
    shows: ['ALTER TABLE s RENAME TO n', 'ALTER TABLE t RENAME b TO n', 'ALTER TABLE t RENAME COLUMN b TO n'],
    hides: [
      'ALTER TABLE t RENAME CONSTRAINT a_check TO n',
      'ALTER INDEX t_a RENAME TO n',
      'CREATE TABLE n (a int); ALTER TABLE n RENAME TO o',
    ],
    remedy: 'behind',
    advice: ['ALTER TABLE t RENAME b TO n', 'ALTER TABLE t RENAME COLUMN b TO n'],
  },
  {
    hazard: 'drop-in-use',
    shows: [
      'ALTER TABLE t DROP b',
      'ALTER TABLE t DROP COLUMN IF EXISTS b',
      'DROP TABLE s',
      'DROP VIEW v',
      'DROP MATERIALIZED VIEW m',
    ],
    hides: [
      'CREATE TABLE n (a int); DROP TABLE n',
      'ALTER TABLE t DROP CONSTRAINT a_check',
      'DROP INDEX t_a',
      'DROP SCHEMA other CASCADE',
    ],
    beforeHidden:
      "CREATE FUNCTION other.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER n BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION other.f()",
    remedy: 'instead',
  },
  {
    hazard: 'enum-value-in-transaction',
    shows: ["ALTER TYPE mood ADD VALUE 'bad'; SELECT 'bad'::mood"],
    hides: [
      "ALTER TYPE mood ADD VALUE 'bad'; SELECT 'good'::mood",
      "ALTER TYPE mood ADD VALUE 'bad'; COMMIT; SELECT 'bad'::mood",
    ],
    remedy: 'between',
    mayFail: '55P04',
  },
  {
    hazard: 'attach-without-check',
    shows: [ATTACH],
    hides: [ATTACH],
    before: 'DROP TABLE pd',
    beforeHidden: 'DROP TABLE pd; ALTER TABLE q ADD CHECK (id >= 100 AND id < 200)',
    remedy: 'instead',
  },
  {
    hazard: 'lock-table',
    shows: ['LOCK TABLE t', 'LOCK t IN SHARE MODE'],
    hides: ['LOCK TABLE t IN ROW EXCLUSIVE MODE', 'ALTER TABLE t ADD n int'],
    remedy: 'instead',
  },
  {
    hazard: 'validate-in-same-transaction',
    shows: [`${NOT_VALID}; ALTER TABLE s VALIDATE CONSTRAINT n`],
    hides: [`${NOT_VALID}; COMMIT; ALTER TABLE s VALIDATE CONSTRAINT n`],
    remedy: 'at the end',
  },
  {
    hazard: 'invalid-index',
    shows: ['CREATE UNIQUE INDEX CONCURRENTLY n ON t (b)'],
    hides: ['CREATE UNIQUE INDEX CONCURRENTLY n ON t (a)', 'CREATE UNIQUE INDEX n ON t (b)'],
    carryOut: true,
    remedy: 'instead',
  },
  {
    hazard: 'domain-constraint',
    shows: ['ALTER DOMAIN positive ADD CONSTRAINT n CHECK (VALUE > 0)', 'ALTER DOMAIN positive SET NOT NULL'],
    hides: ['ALTER DOMAIN positive SET DEFAULT 1', 'CREATE DOMAIN other AS int'],
    advice: [
      'ALTER DOMAIN positive ADD CONSTRAINT n CHECK (VALUE > 0)',
      'ALTER DOMAIN positive SET NOT NULL',
    ],
  },
  {
    hazard: 'detach-partition',
    shows: ['ALTER TABLE p DETACH PARTITION p1'],
    hides: ['ALTER TABLE p DETACH PARTITION p1'],
    before: REFERENCED,
    beforeHidden: '',
    remedy: 'last',
  },
  {
    hazard: 'attach-with-foreign-key',
    shows: [ATTACH],
    hides: [ATTACH],
    before: 'ALTER TABLE p ADD FOREIGN KEY (a) REFERENCES t; ALTER TABLE q ADD FOREIGN KEY (a) REFERENCES t',
    beforeHidden: 'ALTER TABLE p ADD FOREIGN KEY (a) REFERENCES t',
    remedy: 'last',
  },
  {
    hazard: 'drop-foreign-key',
    shows: [
      'ALTER TABLE r DROP CONSTRAINT r_t_fkey',
      'DROP TABLE r',
      'ALTER TABLE r DROP COLUMN t_id',
      'DROP TABLE t CASCADE',
    ],
    hides: [
      'ALTER TABLE t DROP CONSTRAINT a_check',
      'DROP TABLE s',
      'ALTER TABLE t DROP COLUMN a CASCADE',
      'DROP TABLE p1',
    ],
    remedy: 'in front',
    inherent: true,
  },
  {
    hazard: 'index-rename-by-table',
    shows: ['ALTER TABLE t_a RENAME TO n'],
    hides: ['ALTER INDEX t_a RENAME TO n', 'ALTER TABLE s RENAME TO n'],
    remedy: 'instead',
  },
  {
    hazard: 'partition-of-referenced',
    shows: [NEW_PARTITION],
    hides: [NEW_PARTITION],
    before: REFERENCED,
    beforeHidden: '',
    since: 15,
    remedy: 'in front',
    inherent: true,
  },
  {
    hazard: 'default-partition',
    shows: [NEW_PARTITION, 'ALTER TABLE p DETACH PARTITION p1'],
    hides: [
      `DROP TABLE pd; ${NEW_PARTITION}`,
      'ALTER TABLE p ADD n int',
      'CREATE INDEX n ON p (a)',
      'TRUNCATE p',
      'DROP TABLE p',
    ],
    remedy: 'in front',
    inherent: true,
  },
  {
    hazard: 'truncate',
    shows: ['TRUNCATE s', 'TRUNCATE t CASCADE', 'TRUNCATE p'],
    hides: ['DELETE FROM s', 'CREATE TABLE n (a int); TRUNCATE n'],
    remedy: 'instead',
  },
  {
    hazard: 'refresh-not-concurrent',
    shows: ['REFRESH MATERIALIZED VIEW m', 'REFRESH MATERIALIZED VIEW m WITH NO DATA'],
    hides: ['REFRESH MATERIALIZED VIEW CONCURRENTLY m'],
    remedy: 'instead',
  },
  {
    hazard: 'reindex-not-concurrent',
    shows: ['REINDEX INDEX t_a', 'REINDEX TABLE t'],
    hides: ['REINDEX INDEX CONCURRENTLY t_a', 'CREATE INDEX n ON t (a)'],
    carryOut: true,
    remedy: 'instead',
  },
  {
    hazard: 'full-vacuum',
    shows: ['VACUUM FULL t', 'VACUUM (FULL) t', 'CLUSTER t USING t_a'],
    hides: ['VACUUM t', 'ANALYZE t'],
    carryOut: true,
    remedy: 'instead',
  },
  {
    hazard: 'other-table-locked',
    shows: ['DROP INDEX t_a'],
    hides: ['DROP INDEX CONCURRENTLY t_a', 'ALTER TABLE t ADD n int'],
    carryOut: true,
    remedy: 'instead',
  },
  {
    hazard: 'cannot-run-in-transaction',
    shows: ['VACUUM t', 'CREATE INDEX CONCURRENTLY n ON t (a)'],
    hides: ['ANALYZE t'],
    remedy: 'as it is',
  },
  {
    hazard: 'whole-table-change',
    shows: ['UPDATE s SET t_id = 1', 'DELETE FROM s'],
    hides: ['UPDATE s SET t_id = 1 WHERE id = 1', 'DELETE FROM s WHERE id > 1'],
    remedy: 'instead',
    advice: ['UPDATE s SET t_id = 1'],
  },
  { hazard: 'analyze-keeps-partitions', shows: ['ANALYZE p'], hides: ['ANALYZE t'], remedy: 'instead' },
  {
    hazard: 'grant-takes-lock',
    shows: ['GRANT SELECT ON t TO PUBLIC', 'REVOKE SELECT ON t FROM PUBLIC'],
    hides: ['GRANT USAGE ON SCHEMA other TO PUBLIC'],
    since: 18,
    advice: ['GRANT SELECT ON t TO PUBLIC', 'REVOKE SELECT ON t FROM PUBLIC'],
  },
  {
    hazard: 'first-use-of-partition',
    shows: ['INSERT INTO p1 VALUES (1)'],
    hides: ['INSERT INTO p VALUES (1)', 'INSERT INTO s VALUES (100)', 'UPDATE p SET a = 1'],
    remedy: 'instead',
  },
  {
    hazard: 'long-lock-timeout',
    shows: ["SET lock_timeout = '1min'; ALTER TABLE t ADD n int"],
    hides: ["SET lock_timeout = '5s'; ALTER TABLE t ADD n int", 'ALTER TABLE t ADD n int'],
    remedy: 'in front',
  },
];
