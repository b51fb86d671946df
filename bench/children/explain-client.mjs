import pg from 'pg';

/**
 * Runs statements one after the other, as a migration tool does, on several connections by turns, and prints how long each kind
 * took on each: the median of its statements, in milliseconds.
 */
const count = Number(process.argv[2]);
const ways = JSON.parse(process.argv[3]);
const BLOCK = 20;

const clients = {};
for (const [way, url] of Object.entries(ways)) {
  clients[way] = new pg.Client({ connectionString: url ?? process.env.DATABASE_URL });
  await clients[way].connect();
}

function median(values) {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
}

async function block(client, [text, values, isTransaction = false], times) {
  if (isTransaction) await client.query('BEGIN');
  for (let n = 0; n < BLOCK; n++) {
    const startedAt = performance.now();
    await client.query(text, values);
    times?.push(performance.now() - startedAt);
  }
  if (isTransaction) await client.query('ROLLBACK');
}

/** What one connection waits for the others do too: they take turns, block by block. */
async function perStatement(...statement) {
  const times = Object.fromEntries(Object.keys(clients).map((way) => [way, []]));
  const order = Object.keys(clients);
  for (let blocks = -count / 10; blocks < count; blocks += BLOCK) {
    for (const way of order) await block(clients[way], statement, blocks < 0 ? undefined : times[way]);
    order.push(order.shift());
  }
  return Object.fromEntries(Object.entries(times).map(([way, all]) => [way, median(all)]));
}

const select = await perStatement('SELECT id FROM explained WHERE id = $1', [1]);
const simple = await perStatement('SELECT id FROM explained WHERE id = 1');
const update = await perStatement('UPDATE explained SET total = total WHERE id = $1', [1]);
const again = await perStatement('UPDATE explained SET total = total WHERE id = $1', [1], true);
const ddl = await perStatement(`COMMENT ON TABLE explained IS 'looked at'`, undefined, true);
for (const client of Object.values(clients)) await client.end();
console.log(JSON.stringify({ select, simple, update, again, ddl }));
