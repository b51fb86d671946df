/** A scope that has failed is ended in one round trip. */
const ENDS_WITHIN_MS = 2_000;

/**
 * Runs work in a scope of a client's. Where the work fails and the scope does not end, it fails all the same: postgres.js never
 * ends the scope within a transaction that it has rolled back meanwhile.
 *
 * @param onStuck told where the scope did not end: what is sent there is never answered.
 * @internal
 */
export function inClientScope<T>(
  scope: (work: (inner: object) => Promise<T>) => Promise<T>,
  work: (inner: object) => Promise<T>,
  onStuck: () => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const giveUp = (error: Error) => {
      onStuck();
      reject(error);
    };
    const watched = (inner: object) =>
      work(inner).catch((error: unknown) => {
        timer = setTimeout(giveUp, ENDS_WITHIN_MS, error as Error);
        throw error;
      });
    void scope(watched)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}
