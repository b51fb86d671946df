import type { PgLockService } from '../../../lib/index.js';

const HANGS_AFTER_MS = 60_000;

/** What differs from run to run, or from memory to server, and means nothing: numbers, addresses, what the client is called. */
function withoutAccidents(message: string): string {
  return message
    .replaceAll(/, \d+\.\d+\.\d+\.\d+(?=\))/g, '')
    .replaceAll(/(?<![\w.])\d+(?= ms\b)|(?<=\bbackend )\d+/g, 'N')
    .replaceAll('the testing module', 'pg');
}

/** What a caller sees of a call: its result, or class, code and message of its error. */
export async function outcomeOf(
  pglock: PgLockService,
  call: (pglock: PgLockService) => unknown,
): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const hangs = new Promise((resolve) => (timer = setTimeout(resolve, HANGS_AFTER_MS, 'it hangs')));
  try {
    return { result: await Promise.race([Promise.resolve().then(() => call(pglock)), hangs]) };
  } catch (error) {
    const { constructor, code, message } = error as Error & { readonly code?: unknown };
    return { error: constructor.name, code, message: withoutAccidents(message) };
  } finally {
    clearTimeout(timer);
  }
}
