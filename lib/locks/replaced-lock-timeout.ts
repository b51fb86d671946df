import { setLocalLockTimeout } from '../sql/settings.js';
import { setLocal, SHOW_LOCK_TIMEOUT, shownTimeout } from '../sql/settings-without-snapshot.js';
import type { Statement } from '../sql/statement.js';
import { waiting } from '../sql/waiting.js';
import type { FindSender } from '../transaction/given-up.js';
import type { OpenTransaction } from '../transaction/open-transaction.js';

/** Finds the `pg` client underneath, where a transaction does not show it. @internal */
export interface FindClient {
  /** That of a backend: of our pool. */
  readonly ofBackend: (pid: number) => object | undefined;
  /** That by which a marked statement leaves. */
  readonly ofSender: FindSender;
}

/** What a transaction had before {@link replaceLockTimeout}. @internal */
export interface FormerLockTimeout {
  /** As the server spells it. */
  readonly former: string;
  /** The `pg` client underneath, where it was found. */
  readonly client: object | undefined;
}

/**
 * Sets the `lock_timeout` of a transaction, by `SHOW` and `SET LOCAL`, so that it may wait for a table before it takes its
 * snapshot; by a query where the answer of `SHOW` does not come through.
 *
 * @internal
 */
export async function replaceLockTimeout(
  transaction: OpenTransaction,
  timeoutMs: number | null,
  find: FindClient,
): Promise<FormerLockTimeout> {
  const statement = setLocal('lock_timeout', timeoutMs);
  const answers = await transaction.together([SHOW_LOCK_TIMEOUT, statement]);
  const shown = shownTimeout(answers === undefined ? await transaction.show(SHOW_LOCK_TIMEOUT) : answers[0]);
  if (shown === undefined) return replaceByQuery(transaction, timeoutMs, find);
  if (answers !== undefined) return { former: shown, client: undefined };
  return { former: shown, client: await sendMarked(transaction, statement, find) };
}

async function replaceByQuery(
  transaction: OpenTransaction,
  timeoutMs: number | null,
  { ofBackend }: FindClient,
): Promise<FormerLockTimeout> {
  const [row] = await transaction.query<{ former: string; pid: number }>(setLocalLockTimeout(timeoutMs));
  return row === undefined
    ? { former: '0', client: undefined }
    : { former: row.former, client: ofBackend(row.pid) };
}

/** Marked, where only its way out tells by which client it leaves. */
async function sendMarked(
  transaction: OpenTransaction,
  statement: Statement,
  { ofSender }: FindClient,
): Promise<object | undefined> {
  const { mark, ...marked } = waiting(statement);
  let client: object | undefined;
  const stopLooking = ofSender(mark, (found) => (client = found));
  try {
    await transaction.query(transaction.pgClient === undefined ? marked : statement);
  } finally {
    stopLooking();
  }
  return client;
}
