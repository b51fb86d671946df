import { open } from '../candidates/library.mjs';
import { pgOfLibrary } from '../harness/count-statements.mjs';
import { inTurn } from '../harness/in-turn.mjs';
import { summary } from '../harness/statistics.mjs';
import { ms, ratio } from '../report/figures.mjs';

const PLAIN = "a pool of `pg`'s own";
const QUERIES = { quick: 20, whole: 300 };

/** What a query costs that the library only looks at: through its own pool, and through one that is lent to it. */
export async function run({ place, quick, rounds }) {
  const plain = new pgOfLibrary.Pool({ connectionString: place.url });
  const lent = new pgOfLibrary.Pool({ connectionString: place.url });
  const own = await open(place);
  const borrower = await open({ options: { pool: lent } });
  const pools = { [PLAIN]: plain, 'a pool that is lent': lent, '`pglock.pool`': own.pglock.pool };
  try {
    const queries = quick ? QUERIES.quick : QUERIES.whole;
    const times = await inTurn(
      Object.fromEntries(Object.entries(pools).map(([name, pool]) => [name, () => ask(pool, queries)])),
      rounds,
    );
    return Object.fromEntries(
      Object.entries(times).map(([name, list]) => [
        name,
        {
          ms: summary(list.map((one) => one / queries)),
          overPlain: summary(list.map((one, round) => one / times[PLAIN][round])),
        },
      ]),
    );
  } finally {
    await Promise.all([own.close(), borrower.close()]);
    await Promise.all([plain.end(), lent.end()]);
  }
}

async function ask(pool, queries) {
  for (let i = 0; i < queries; i++) await pool.query('SELECT 1');
}

export function tables(result) {
  return [
    {
      title: 'A query through a pool, one after the other, without any lock',
      head: ['', 'milliseconds, median (quartiles)', "times `pg`'s own"],
      rows: Object.entries(result).map(([name, { ms: took, overPlain }]) => [
        name,
        ms(took),
        ratio(overPlain),
      ]),
    },
  ];
}
