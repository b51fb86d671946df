/** What every test server runs with: fast because nothing must survive a power cut, and roomy. */
export const FAST_AND_ROOMY = Object.freeze({
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '200',
  max_prepared_transactions: '20',
  wal_level: 'logical',
  max_wal_senders: '4',
});

export const DEFAULT_MAJOR = 18;

/** The PostgreSQL major under test: `PGLOCK_TEST_POSTGRES`, or the newest. */
export function requestedMajor() {
  const wanted = process.env.PGLOCK_TEST_POSTGRES;
  if (wanted === undefined || wanted === '') return DEFAULT_MAJOR;
  if (!/^\d{2}$/.test(wanted)) {
    throw new Error(`PGLOCK_TEST_POSTGRES must be a PostgreSQL major such as 13 or 18, got "${wanted}"`);
  }
  return Number(wanted);
}

/** `-c name=value` pairs for the server's command line. */
export function asServerFlags(settings) {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
