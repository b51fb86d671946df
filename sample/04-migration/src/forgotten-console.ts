import pg from 'pg';

/** A console has looked at customers within a transaction, and was left open. */
export async function forgottenConsole(): Promise<{
  readonly isAlive: () => Promise<boolean>;
  end(): Promise<void>;
}> {
  const url = process.env['DATABASE_URL'];
  const client = new pg.Client({
    ...(url === undefined ? {} : { connectionString: url }),
    application_name: 'forgotten console',
  });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('CREATE TABLE IF NOT EXISTS customers (id bigint PRIMARY KEY)');
  await client.query('BEGIN');
  await client.query('SELECT count(*) FROM customers');
  return {
    isAlive: () =>
      client.query('SELECT').then(
        () => true,
        () => false,
      ),
    end: () => client.end(),
  };
}
