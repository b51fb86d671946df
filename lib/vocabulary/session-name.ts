/** What the library's own connections are for, as the end of their `application_name` says. @internal */
export type SessionPurpose = 'locks' | 'inspection' | 'prioritize' | 'transactions' | (string & {});

/** The server keeps so many bytes of an `application_name`, and cuts at the end (`NAMEDATALEN` less one). */
const NAME_BYTES = 63;
const MARK = 'pglock:';

/**
 * The `application_name` of a connection of the library: that of the application, and what the connection is for, such as
 * `orders-api pglock:locks`. The application's part is made printable ASCII, as the server does, and is shortened so that
 * the rest is always whole.
 *
 * @see https://www.postgresql.org/docs/current/runtime-config-logging.html#GUC-APPLICATION-NAME
 * @internal
 */
export function sessionName(application: string | undefined, purpose: SessionPurpose): string {
  const mark = `${MARK}${purpose}`;
  const printable = (application ?? '').replace(/[^\x20-\x7e]/gu, '?').trim();
  const shortened = printable.slice(0, Math.max(0, NAME_BYTES - mark.length - 1)).trimEnd();
  return shortened === '' ? mark : `${shortened} ${mark}`;
}

/** An `application_name` taken apart; undefined where it is none that {@link sessionName} makes. @internal */
export function readSessionName(
  name: string,
): { readonly application: string; readonly purpose: SessionPurpose } | undefined {
  const found = /^(?:(.*) )?pglock:([a-z-]+)$/.exec(name);
  if (found === null) return undefined;
  return { application: found[1] ?? '', purpose: found[2] as string };
}
