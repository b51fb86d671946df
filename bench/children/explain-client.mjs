import pg from 'pg';

/** Runs statements one after the other, as a migration tool does, and prints how long each kind took, in milliseconds. */
const count = Number(process.argv[2]);
const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();

async function perStatement(text, values) {
  for (let i = 0; i < count / 10; i++) await client.query(text, values);
  const startedAt = performance.now();
  for (let i = 0; i < count; i++) await client.query(text, values);
  return (performance.now() - startedAt) / count;
}

const select = await perStatement('SELECT id FROM explained WHERE id = $1', [1]);
const simple = await perStatement('SELECT id FROM explained WHERE id = 1');
const update = await perStatement('UPDATE explained SET total = total WHERE id = $1', [1]);
await client.query('BEGIN');
const ddl = await perStatement(`COMMENT ON TABLE explained IS 'looked at'`);
await client.query('ROLLBACK');
await client.end();
console.log(JSON.stringify({ select, simple, update, ddl }));
