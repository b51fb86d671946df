/** Where a traced command is to connect to. @internal */
export interface TraceAddress {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** They would lead past the tracer, or ask for what it does not have. */
const DROPPED = [
  'PGHOSTADDR',
  'PGSERVICE',
  'PGSERVICEFILE',
  'PGPASSFILE',
  'PGSSLNEGOTIATION',
  'PGREQUIREAUTH',
  'PGCHANNELBINDING',
  'PGREQUIREPEER',
];

/**
 * The environment of a traced command: `DATABASE_URL` and the `PG*` variables lead to the tracer. Parameters of an address that say
 * how to encrypt, or where to connect, are left out.
 *
 * @see https://www.postgresql.org/docs/current/libpq-envars.html
 * @internal
 */
export function traceEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  { port, user, password, database }: TraceAddress,
): Record<string, string | undefined> {
  const kept = Object.entries(env).filter(([name]) => !DROPPED.includes(name));
  const url = new URL('postgres://127.0.0.1');
  url.port = String(port);
  url.username = encodeURIComponent(user);
  url.password = password;
  url.pathname = `/${encodeURIComponent(database)}`;
  url.search = parametersOf(env['DATABASE_URL']);
  return {
    ...Object.fromEntries(kept),
    DATABASE_URL: url.href,
    PGHOST: '127.0.0.1',
    PGPORT: String(port),
    PGUSER: user,
    PGPASSWORD: password,
    PGDATABASE: database,
    PGSSLMODE: 'disable',
    PGGSSENCMODE: 'disable',
  };
}

/** What tools put there for themselves (`schema`, `options`, `connection_limit`). */
function parametersOf(address: string | undefined): string {
  if (address === undefined || !URL.canParse(address)) return '';
  const { searchParams } = new URL(address);
  for (const name of [...searchParams.keys()])
    if (/^(ssl|host$|hostaddr$|port$|user$|password$|dbname$|channel_binding$|gssenc)/i.test(name))
      searchParams.delete(name);
  return searchParams.toString().replaceAll('+', '%20');
}
