interface Emitter {
  on(event: 'commandComplete', listener: (message: { readonly text?: unknown }) => void): unknown;
  off(event: 'commandComplete', listener: (message: { readonly text?: unknown }) => void): unknown;
}

/** Has it told what the server has carried out, by its tag: `COMMIT`, `INSERT 0 1`. @returns a function that listens no more. @internal */
export type WatchReports = (hear: (tag: string) => void) => () => void;

/**
 * Who tells what the server has carried out on a `pg` client: its connection, from the server's `CommandComplete`. Undefined under
 * `pg-native`, which keeps that to itself.
 *
 * @see https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-COMMANDCOMPLETE
 * @internal
 */
export function reportsOf(client: object): WatchReports | undefined {
  const { connection } = client as { readonly connection?: Emitter };
  if (typeof connection?.on !== 'function') return undefined;
  return (hear) => {
    const listener = ({ text }: { readonly text?: unknown }) => hear(String(text));
    connection.on('commandComplete', listener);
    return () => connection.off('commandComplete', listener);
  };
}
