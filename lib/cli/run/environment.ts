import type { Io } from '../io.js';

/**
 * The environment of a command whose sessions are to be found again, by their `application_name`, and are to have a lock
 * timeout. libpq and most drivers read `PGAPPNAME` and `PGOPTIONS`; many tools read `DATABASE_URL` and nothing else.
 *
 * @see https://www.postgresql.org/docs/current/libpq-envars.html
 * @internal
 */
export function childEnvironment(
  env: Io['env'],
  applicationName: string,
  lockTimeoutMs: number | undefined,
): Record<string, string | undefined> {
  const lockTimeout = lockTimeoutMs === undefined ? '' : `-c lock_timeout=${lockTimeoutMs}`;
  const options = [env['PGOPTIONS'], lockTimeout].filter(Boolean).join(' ');
  const url = env['DATABASE_URL'];
  return {
    ...env,
    PGAPPNAME: applicationName,
    ...(options === '' ? {} : { PGOPTIONS: options }),
    ...(url ? { DATABASE_URL: withSettings(url, applicationName, lockTimeout) } : {}),
  };
}

/** The address with our settings among its parameters; left alone where it is none that we understand. */
function withSettings(address: string, applicationName: string, lockTimeout: string): string {
  if (!/^postgres(ql)?:\/\//.test(address) || !URL.canParse(address)) return address;
  const url = new URL(address);
  url.searchParams.set('application_name', applicationName);
  if (lockTimeout !== '') {
    const options = [url.searchParams.get('options'), lockTimeout].filter(Boolean).join(' ');
    url.searchParams.set('options', options);
  }
  // libpq takes a plus for a plus.
  url.search = url.search.replaceAll('+', '%20');
  return url.href;
}
