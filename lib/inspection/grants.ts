import { PermissionError } from '../errors/permission.error.js';
import { READ_GRANTS } from '../sql/signal.js';
import { quoteIdentifier } from '../vocabulary/lock-target.js';
import type { Observer } from './observer.js';

/** What the connected role may do to sessions of other roles. @internal */
export interface Grants {
  readonly role: string;
  readonly superuser: boolean;
  /** Member of `pg_signal_backend`: may signal sessions of roles that are no superusers. */
  readonly signals: boolean;
  /** Member of `pg_read_all_stats`: may see what sessions of other roles do, and since when. */
  readonly sees: boolean;
}

/** @internal */
export async function readGrants(observer: Observer): Promise<Grants> {
  const [row] = await observer.query<Record<keyof Grants, string>>(READ_GRANTS);
  return {
    role: row?.role ?? '',
    superuser: row?.superuser === 't',
    signals: row?.signals === 't',
    sees: row?.sees === 't',
  };
}

/** The statement that gives a role what it lacks; undefined when it lacks nothing that can be given. @internal */
export function missingGrant({ role, superuser, signals, sees }: Grants): string | undefined {
  if (superuser || (signals && sees)) return undefined;
  const roles = [...(signals ? [] : ['pg_signal_backend']), ...(sees ? [] : ['pg_read_all_stats'])];
  return `GRANT ${roles.join(', ')} TO ${quoteIdentifier(role)};`;
}

/** The error that says what the role lacks. @internal */
export function permissionError(
  grants: Grants,
  pids: readonly number[],
  { ofSuperuser = false, ...options }: ErrorOptions & { readonly ofSuperuser?: boolean } = {},
): PermissionError {
  const who = `The role ${quoteIdentifier(grants.role)} may not signal backend ${pids.join(', ')}`;
  const grant = ofSuperuser ? undefined : missingGrant(grants);
  const remedy =
    grant === undefined
      ? 'it belongs to a superuser (or to the server itself), which only a superuser may signal. Connect as a superuser, or let the session end by itself.'
      : `${pids.length === 1 ? 'it belongs' : 'they belong'} to another role. Run as a superuser: ${grant}`;
  return new PermissionError(`${who}: ${remedy}`, options);
}
