/** A statement of the table, and what it is tried on. */
export interface DdlCase {
  readonly sql: string;
  /** Runs before it, and is committed; beside {@link DDL_SCHEMA}. */
  readonly before?: string;
  /** Cannot run in a transaction. */
  readonly outside?: true;
  /** The first major that has it. */
  readonly since?: number;
}

/** `t` has rows, a key and an index; `r` refers to `t`; `p` is partitioned, with `p1` and the default `pd`. */
export const DDL_SCHEMA = `
CREATE SCHEMA other;
CREATE TABLE t (id int PRIMARY KEY, a int, b text, c varchar(10), CONSTRAINT a_check CHECK (a > 0) NOT VALID);
CREATE INDEX t_a ON t (a);
CREATE TABLE r (id int PRIMARY KEY, t_id int CONSTRAINT r_t_fkey REFERENCES t);
CREATE TABLE s (id int PRIMARY KEY, t_id int);
INSERT INTO t SELECT g, g, 'b', 'c' FROM generate_series(1, 50) g;
INSERT INTO s SELECT g, g FROM generate_series(1, 50) g;
CREATE TABLE p (id int NOT NULL, a int) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);
CREATE TABLE pd PARTITION OF p DEFAULT;
CREATE TABLE q (id int NOT NULL, a int);
CREATE VIEW v AS SELECT a FROM t;
CREATE MATERIALIZED VIEW m AS SELECT id, a FROM t;
CREATE UNIQUE INDEX m_id ON m (id);
CREATE SEQUENCE seq;
CREATE TYPE mood AS ENUM ('good');
CREATE DOMAIN positive AS int;
CREATE TABLE d (x positive);
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
`;

const plain = (...statements: readonly string[]): DdlCase[] => statements.map((sql) => ({ sql }));
const outside = (...statements: readonly string[]): DdlCase[] =>
  statements.map((sql) => ({ sql, outside: true }));

export const DDL_CASES: readonly DdlCase[] = [
  ...plain(
    'CREATE TABLE n (a int)',
    'CREATE TABLE n (a int REFERENCES t)',
    'CREATE TABLE n (LIKE t INCLUDING ALL)',
    'CREATE TABLE n AS SELECT * FROM t',
    'CREATE TABLE n PARTITION OF p FOR VALUES FROM (100) TO (200)',
    'CREATE TABLE n () INHERITS (t)',
    'ALTER TABLE t ADD COLUMN n int',
    'ALTER TABLE t ADD COLUMN n int DEFAULT 1',
    'ALTER TABLE t ADD COLUMN n float DEFAULT random()',
    'ALTER TABLE t ADD COLUMN n int GENERATED ALWAYS AS (a + 1) STORED',
    'ALTER TABLE t ADD COLUMN n int REFERENCES r',
    'ALTER TABLE t DROP COLUMN b',
    'ALTER TABLE t ALTER COLUMN a SET DEFAULT 1',
    'ALTER TABLE t ALTER COLUMN a SET NOT NULL',
    'ALTER TABLE t ALTER COLUMN a DROP NOT NULL',
    'ALTER TABLE t ALTER COLUMN c TYPE varchar(20)',
    'ALTER TABLE t ALTER COLUMN c TYPE text',
    'ALTER TABLE s ALTER COLUMN t_id TYPE bigint',
    'ALTER TABLE t ALTER COLUMN a SET STATISTICS 100',
    'ALTER TABLE t ALTER COLUMN b SET STORAGE external',
    'ALTER TABLE t SET (fillfactor = 90)',
    'ALTER TABLE t SET (autovacuum_enabled = off)',
    'ALTER TABLE s SET UNLOGGED',
    'ALTER TABLE t ADD CONSTRAINT n CHECK (a > 0)',
    'ALTER TABLE t ADD CONSTRAINT n CHECK (a > 0) NOT VALID',
    'ALTER TABLE t VALIDATE CONSTRAINT a_check',
    'ALTER TABLE t DROP CONSTRAINT a_check',
    'ALTER TABLE t RENAME CONSTRAINT a_check TO n',
    'ALTER TABLE t ADD CONSTRAINT n UNIQUE (a)',
    'ALTER TABLE s ADD CONSTRAINT n FOREIGN KEY (t_id) REFERENCES t',
    'ALTER TABLE s ADD CONSTRAINT n FOREIGN KEY (t_id) REFERENCES t NOT VALID',
    'ALTER TABLE r VALIDATE CONSTRAINT r_t_fkey',
    'ALTER TABLE r DROP CONSTRAINT r_t_fkey',
    'ALTER TABLE t RENAME TO n',
    'ALTER TABLE t RENAME COLUMN a TO n',
    'ALTER TABLE s SET SCHEMA other',
    'ALTER TABLE t OWNER TO CURRENT_USER',
    'ALTER TABLE t ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE t DISABLE TRIGGER tr',
    'ALTER TABLE t REPLICA IDENTITY FULL',
    'ALTER TABLE t CLUSTER ON t_a',
    'ALTER TABLE t_a RENAME TO n',
    'ALTER INDEX t_a RENAME TO n',
    'ALTER INDEX t_a SET (fillfactor = 90)',
    'ALTER TABLE p ATTACH PARTITION q FOR VALUES FROM (100) TO (200)',
    'ALTER TABLE p DETACH PARTITION p1',
    'CREATE INDEX n ON t (a)',
    'CREATE UNIQUE INDEX n ON t (a)',
    'CREATE INDEX n ON p (a)',
    'CREATE INDEX n ON ONLY p (a)',
    'DROP INDEX t_a',
    'REINDEX INDEX t_a',
    'REINDEX TABLE t',
    'CREATE TRIGGER n BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()',
    'DROP TRIGGER tr ON t',
    'CREATE RULE n AS ON INSERT TO t DO ALSO NOTHING',
    'CREATE POLICY n ON t',
    'CREATE STATISTICS n ON a, b FROM t',
    'CREATE VIEW n AS SELECT * FROM t',
    'CREATE OR REPLACE VIEW v AS SELECT a FROM t',
    'DROP VIEW v',
    'CREATE MATERIALIZED VIEW n AS SELECT * FROM t',
    'REFRESH MATERIALIZED VIEW m',
    'REFRESH MATERIALIZED VIEW CONCURRENTLY m',
    'COMMENT ON TABLE t IS $$n$$',
    'GRANT SELECT ON t TO PUBLIC',
    'ALTER SEQUENCE seq INCREMENT 2',
    'ALTER SEQUENCE seq OWNED BY t.a',
    'ALTER TYPE mood ADD VALUE $$bad$$',
    'ALTER DOMAIN positive ADD CONSTRAINT n CHECK (VALUE > 0)',
    'ALTER DOMAIN positive ADD CONSTRAINT n CHECK (VALUE > 0) NOT VALID',
    'ALTER DOMAIN positive SET NOT NULL',
    'TRUNCATE s',
    'TRUNCATE t CASCADE',
    'DROP TABLE s',
    'DROP TABLE r',
    'DROP TABLE t CASCADE',
    'DROP TABLE p1',
    'CLUSTER t USING t_a',
    'ANALYZE t',
    'ANALYZE p',
    'LOCK TABLE t',
    'SELECT * FROM t',
    'SELECT * FROM t FOR UPDATE',
    'INSERT INTO t VALUES (100)',
    'UPDATE t SET a = 2 WHERE id = 1',
    'DELETE FROM s WHERE id = 1',
    'COPY t TO PROGRAM $$cat > /dev/null$$',
  ),
  {
    sql: 'ALTER DOMAIN positive VALIDATE CONSTRAINT n',
    before: 'ALTER DOMAIN positive ADD CONSTRAINT n CHECK (VALUE > 0) NOT VALID',
  },
  {
    sql: 'ALTER TABLE t ADD CONSTRAINT n UNIQUE USING INDEX t_u',
    before: 'CREATE UNIQUE INDEX t_u ON t (a)',
  },
  {
    sql: 'ALTER TABLE t ALTER COLUMN a SET NOT NULL -- with a validated CHECK',
    before: 'ALTER TABLE t ADD CONSTRAINT n CHECK (a IS NOT NULL)',
  },
  {
    sql: 'ALTER TABLE p ATTACH PARTITION q FOR VALUES FROM (100) TO (200) -- with a foreign key made before',
    before: 'ALTER TABLE p ADD FOREIGN KEY (a) REFERENCES t; ALTER TABLE q ADD FOREIGN KEY (a) REFERENCES t',
  },
  {
    sql: 'ALTER TABLE p DETACH PARTITION p1 -- of a referenced table',
    before: 'ALTER TABLE p ADD PRIMARY KEY (id); CREATE TABLE f (p_id int REFERENCES p)',
  },
  {
    sql: 'CREATE TABLE n PARTITION OF p FOR VALUES FROM (100) TO (200) -- of a referenced table',
    before: 'ALTER TABLE p ADD PRIMARY KEY (id); CREATE TABLE f (p_id int REFERENCES p)',
  },
  {
    sql: 'DROP TABLE p1 -- with a foreign key of its parent',
    before: 'ALTER TABLE p ADD FOREIGN KEY (a) REFERENCES t',
  },
  {
    sql: 'ALTER TABLE p DETACH PARTITION p1 -- with a foreign key of its parent',
    before: 'ALTER TABLE p ADD FOREIGN KEY (a) REFERENCES t',
  },
  ...outside(
    'CREATE INDEX CONCURRENTLY n ON t (a)',
    'DROP INDEX CONCURRENTLY t_a',
    'REINDEX INDEX CONCURRENTLY t_a',
    'REINDEX TABLE CONCURRENTLY t',
    'VACUUM t',
    'VACUUM FULL t',
  ),
  {
    sql: 'ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY',
    before: 'DROP TABLE pd',
    outside: true,
    since: 14,
  },
];
