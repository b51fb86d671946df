import { idleTransactions, READ_PREPARED } from '../../sql/inspection-doctor.js';
import { spanText } from '../../vocabulary/span-text.js';
import type { Observer } from '../observer.js';
import { finding, type Finding } from './finding.js';

const IDLE_TOO_LONG_MS = 5 * 60_000;

/** What keeps its locks although nothing is done with them: idle and prepared transactions. @internal */
export async function leftovers(
  observer: Observer,
  idleTooLongMs: number = IDLE_TOO_LONG_MS,
): Promise<Finding[]> {
  return [...(await idle(observer, idleTooLongMs)), ...(await prepared(observer))];
}

async function idle(observer: Observer, tooLongMs: number): Promise<Finding[]> {
  const rows = await observer.query<Record<'pid' | 'application' | 'role' | 'age', string>>(
    idleTransactions(tooLongMs),
  );
  if (rows.length === 0)
    return [finding('idle transactions', 'ok', `none longer than ${spanText(tooLongMs)}`)];
  return rows.map(({ pid, application, role, age }) =>
    finding(
      'idle transactions',
      'warning',
      `backend ${pid} (${[application, role].filter(Boolean).join(', ')}) idle in a transaction for ${spanText(Number(age))}`,
      `pglock ${pid} -e, then pglock ${pid} --terminate`,
    ),
  );
}

async function prepared(observer: Observer): Promise<Finding[]> {
  const rows = await observer.query<Record<'gid' | 'owner' | 'age', string>>(READ_PREPARED);
  return rows.map(({ gid, owner, age }) =>
    finding(
      'prepared transactions',
      'warning',
      `${gid} of ${owner}, prepared ${spanText(Number(age))} ago, keeps its locks`,
      `COMMIT PREPARED or ROLLBACK PREPARED '${gid.replaceAll("'", "''")}'`,
    ),
  );
}
