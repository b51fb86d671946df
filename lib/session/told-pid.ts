import type { ClientBase } from 'pg';

/** The backend that a client was told of when it connected; null where it was told of none. @internal */
export function toldPid(client: ClientBase): number | null {
  return (client as ClientBase & { readonly processID?: number | null }).processID ?? null;
}
