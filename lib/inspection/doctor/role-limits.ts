import { READ_CONNECTION_LIMITS } from '../../sql/inspection-doctor.js';
import type { Observer } from '../observer.js';
import { finding, type Finding } from './finding.js';
import type { ServerSettings } from './server-settings.js';

/** Limits that an administrator may have set for a role or database, and what each means for locks. */
const LIMITS: Readonly<Record<string, string>> = {
  statement_timeout: 'Ends statements of the application also while they wait for a lock.',
  transaction_timeout: 'Ends transactions, and with them their transaction-level locks.',
  idle_session_timeout:
    "Ends idle connections of the application's pool; lock sessions have a limit of their own.",
  default_transaction_read_only:
    "Transactions of the application's pool may lock, but write nothing unless they say READ WRITE; sessions of this library do.",
};
const NO_LIMIT: ReadonlySet<string> = new Set(['0', 'off', '']);

/** Limits of the connected role and database that a user would not expect; none where there are none. @internal */
export async function roleLimits(observer: Observer, settings: ServerSettings): Promise<Finding[]> {
  const limits = Object.entries(LIMITS).flatMap(([name, meaning]) => {
    const { value = '', unit = '' } = settings.get(name) ?? {};
    return NO_LIMIT.has(value) ? [] : [finding('settings', 'info', `${name} = ${value}${unit}`, meaning)];
  });
  return [...limits, ...(await connectionLimits(observer))];
}

async function connectionLimits(observer: Observer): Promise<Finding[]> {
  const rows = await observer.query<Record<'of' | 'most' | 'used', string>>(READ_CONNECTION_LIMITS);
  return rows.map(({ of, most, used }) => {
    const text = `${used} of ${most} connections of ${of} are in use`;
    const remedy = `Each process needs up to sessions.max for locks besides its pool; raise CONNECTION LIMIT where that does not fit.`;
    return Number(used) >= Number(most) * 0.8
      ? finding('connections', 'warning', text, remedy)
      : finding('connections', 'info', text, remedy);
  });
}
