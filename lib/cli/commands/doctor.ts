import { missingGrant, readGrants } from '../../inspection/grants.js';
import {
  idleTransactions,
  READ_LOCK_USE,
  READ_PREPARED,
  READ_WATCHED_SETTINGS,
} from '../../sql/inspection-doctor.js';
import { EXIT } from '../exit.js';
import { print, printJson, type Io } from '../io.js';
import { readSettings, withInspection, type CliInspection, type WhereToLook } from '../open-inspection.js';
import { paintFor, type Style } from '../render/paint.js';
import { spanText } from '../render/value.js';

/** The options of `pglock doctor` as they are typed. @internal */
export interface DoctorFlags extends WhereToLook {
  readonly json?: boolean;
}

/** One thing that was looked at. */
interface Finding {
  readonly check: string;
  readonly level: 'ok' | 'info' | 'warning' | 'problem';
  readonly text: string;
  /** What to do about it; empty where there is nothing to do. */
  readonly remedy: string;
}

const OLDEST_SUPPORTED = 130_000;
const IDLE_TOO_LONG_MS = 5 * 60_000;
const FULL_SHARE = 0.5;
const MARKS: Readonly<Record<Finding['level'], readonly [mark: string, style: Style]>> = {
  ok: ['ok', 'green'],
  info: ['info', 'cyan'],
  warning: ['warning', 'yellow'],
  problem: ['problem', 'red'],
};

/** `pglock doctor`: what this role and server can do for locks, and what stands in the way. @returns the exit code. @internal */
export async function doctor(io: Io, flags: DoctorFlags): Promise<number> {
  const settings = await readSettings(io, flags);
  return withInspection(settings, [], async (inspection) => {
    const findings = await examine(inspection);
    if (flags.json) printJson(io, findings);
    else draw(io, findings);
    return EXIT.done;
  });
}

async function examine(inspection: CliInspection): Promise<readonly Finding[]> {
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

async function server({ observer }: CliInspection): Promise<Finding> {
  const version = await observer.version();
  const [row] = await observer.query<{ version: string; database: string }>(READ_LOCK_USE);
  const text = `PostgreSQL ${row?.version ?? ''}, database ${row?.database ?? ''}`;
  if (version < OLDEST_SUPPORTED)
    return finding('server', 'problem', text, 'Versions before 13 are not supported.');
  if (version >= 140_000) return finding('server', 'ok', text);
  return finding('server', 'info', text, 'Before 14 the server does not tell since when a lock is awaited.');
}

async function pooler({ observer }: CliInspection): Promise<Finding> {
  if (await observer.isDirect()) return finding('pooler', 'ok', 'connected to the server itself');
  return finding(
    'pooler',
    'problem',
    'a pooler stands between, which may give each statement another backend',
    'Session-level locks need sessions.directConnection, or a pooler in session mode with sessions.trustPooler.',
  );
}

async function privileges({ observer }: CliInspection): Promise<Finding> {
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

type ServerSettings = ReadonlyMap<string, { readonly value: string; readonly unit: string }>;

async function readServerSettings({ observer }: CliInspection): Promise<ServerSettings> {
  const rows = await observer.query<{ name: string; value: string; unit: string }>(READ_WATCHED_SETTINGS);
  return new Map(rows.map(({ name, value, unit }) => [name, { value, unit }]));
}

function settingFindings(settings: ServerSettings): Finding[] {
  const text = (name: string) =>
    `${name} = ${settings.get(name)?.value ?? '?'}${settings.get(name)?.unit ?? ''}`;
  const value = (name: string) => settings.get(name)?.value ?? '';
  const endless = value('idle_in_transaction_session_timeout') === '0';
  return [
    endless
      ? finding(
          'settings',
          'warning',
          text('idle_in_transaction_session_timeout'),
          'An idle transaction keeps its locks for ever; set a limit.',
        )
      : finding('settings', 'ok', text('idle_in_transaction_session_timeout')),
    value('lock_timeout') === '0'
      ? finding(
          'settings',
          'info',
          text('lock_timeout'),
          'Statements wait for locks for ever; pglock.timeout() limits them.',
        )
      : finding('settings', 'ok', text('lock_timeout')),
    value('log_lock_waits') === 'off'
      ? finding(
          'settings',
          'info',
          text('log_lock_waits'),
          'Set it to on, and the server logs every wait longer than deadlock_timeout.',
        )
      : finding('settings', 'ok', text('log_lock_waits')),
    finding('settings', 'ok', text('deadlock_timeout')),
    Number(value('track_activity_query_size')) <= 1024
      ? finding(
          'settings',
          'info',
          text('track_activity_query_size'),
          'Statements are cut off there; 4kB or more shows them whole.',
        )
      : finding('settings', 'ok', text('track_activity_query_size')),
  ];
}

async function lockTable({ observer }: CliInspection, settings: ServerSettings): Promise<Finding[]> {
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

async function idle({ observer }: CliInspection): Promise<Finding[]> {
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

async function prepared({ observer }: CliInspection): Promise<Finding[]> {
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

function finding(check: string, level: Finding['level'], text: string, remedy = ''): Finding {
  return { check, level, text, remedy };
}

function draw(io: Io, findings: readonly Finding[]): void {
  const paint = paintFor(io);
  const width = Math.max(...findings.map(({ check }) => check.length));
  print(
    io,
    findings.flatMap(({ check, level, text, remedy }) => {
      const [mark, style] = MARKS[level];
      const line = `${paint(style, mark.padEnd(8))} ${check.padEnd(width)}  ${text}`;
      return remedy === '' ? [line] : [line, `${' '.repeat(width + 11)}${paint('dim', remedy)}`];
    }),
  );
}
