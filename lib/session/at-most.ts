/** Waits for a promise, but no longer than so many milliseconds; whether it has settled by then. @internal */
export async function atMost(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const time = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), ms)));
  const settled = promise.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([settled, time]);
  } finally {
    clearTimeout(timer);
  }
}
