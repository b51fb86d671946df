import { missingGrant, readGrants } from '../grants.js';
import { idleTransactions, READ_LOCK_USE, READ_PREPARED } from '../../sql/inspection-doctor.js';
import { spanText } from '../../vocabulary/span-text.js';
import type { Observer } from '../observer.js';
import { finding, type Finding } from './finding.js';
import { readServerSettings, settingFindings, type ServerSettings } from './server-settings.js';

const OLDEST_SUPPORTED = 130_000;
const IDLE_TOO_LONG_MS = 5 * 60_000;
const FULL_SHARE = 0.5;

/** What the doctor looks through. @internal */
export interface Examined {
  readonly observer: Observer & {
    /** Whether no pooler stands between that gives each statement another backend. */
    isDirect(): Promise<boolean>;
  };
}

/** Looks at everything that decides about locks. @internal */
export async function examine(inspection: Examined): Promise<readonly Finding[]> {
  const settings = await readServerSettings(inspection);
  return [
    await server(inspection),
    await pooler(inspection),
    await privileges(inspection),
    ...settingFindings(settings),
    ...(await lockTable(inspection, settings)),
    ...(await idle(inspection)),
    ...(await prepared(inspection)),
  ];
}

async function server({ observer }: Examined): Promise<Finding> {
  const version = await observer.version();
  const [row] = await observer.query<{ version: string; database: string }>(READ_LOCK_USE);
  const text = `PostgreSQL ${row?.version ?? ''}, database ${row?.database ?? ''}`;
  if (version < OLDEST_SUPPORTED)
    return finding('server', 'problem', text, 'Versions before 13 are not supported.');
  if (version >= 140_000) return finding('server', 'ok', text);
  return finding('server', 'info', text, 'Before 14 the server does not tell since when a lock is awaited.');
}

async function pooler({ observer }: Examined): Promise<Finding> {
  if (await observer.isDirect()) return finding('pooler', 'ok', 'connected to the server itself');
  return finding(
    'pooler',
    'problem',
    'a pooler stands between, which may give each statement another backend',
    'Session-level locks need sessions.directConnection, or a pooler in session mode with sessions.trustPooler.',
  );
}

async function privileges({ observer }: Examined): Promise<Finding> {
  const grants = await readGrants(observer);
  if (grants.superuser) return finding('privileges', 'ok', `role ${grants.role} is a superuser`);
  const grant = missingGrant(grants);
  if (grant === undefined)
    return finding(
      'privileges',
      'ok',
      `role ${grants.role} may see and signal sessions of other roles, but superusers'`,
    );
  const lacks = [
    ...(grants.sees ? [] : ['see what sessions of other roles do']),
    ...(grants.signals ? [] : ['signal them']),
  ];
  return finding('privileges', 'warning', `role ${grants.role} may not ${lacks.join(', nor ')}`, grant);
}

async function lockTable({ observer }: Examined, settings: ServerSettings): Promise<Finding[]> {
  const number = (name: string) => Number(settings.get(name)?.value ?? 0);
  const [row] = await observer.query<{ locks: string; waiting: string }>(READ_LOCK_USE);
  const used = Number(row?.locks);
  const waiting = Number(row?.waiting);
  const size =
    number('max_locks_per_transaction') * (number('max_connections') + number('max_prepared_transactions'));
  const share = used / size;
  const text = `${used} locks in a table made for ${size} (${Math.round(share * 100)} %)`;
  return [
    share > FULL_SHARE
      ? finding(
          'lock table',
          'problem',
          text,
          'When it is full, everybody fails. Hold fewer locks, or raise max_locks_per_transaction.',
        )
      : finding('lock table', 'ok', text),
    waiting === 0
      ? finding('waiting', 'ok', 'nobody waits for a lock')
      : finding('waiting', 'warning', `${waiting} sessions wait for locks`, 'See pglock tree.'),
  ];
}

async function idle({ observer }: Examined): Promise<Finding[]> {
  const rows = await observer.query<Record<'pid' | 'application' | 'role' | 'age', string>>(
    idleTransactions(IDLE_TOO_LONG_MS),
  );
  if (rows.length === 0)
    return [finding('idle transactions', 'ok', `none longer than ${spanText(IDLE_TOO_LONG_MS)}`)];
  return rows.map(({ pid, application, role, age }) =>
    finding(
      'idle transactions',
      'warning',
      `backend ${pid} (${[application, role].filter(Boolean).join(', ')}) idle in a transaction for ${spanText(Number(age))}`,
      `pglock ${pid} -e, then pglock ${pid} --terminate`,
    ),
  );
}

async function prepared({ observer }: Examined): Promise<Finding[]> {
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
