import { READ_WATCHED_SETTINGS } from '../../sql/inspection-doctor.js';
import type { Observer } from '../observer.js';
import { finding, type Finding } from './finding.js';

/** Settings by name, with their units. @internal */
export type ServerSettings = ReadonlyMap<string, { readonly value: string; readonly unit: string }>;

/** @internal */
export async function readServerSettings({
  observer,
}: {
  readonly observer: Observer;
}): Promise<ServerSettings> {
  const rows = await observer.query<{ name: string; value: string; unit: string }>(READ_WATCHED_SETTINGS);
  return new Map(rows.map(({ name, value, unit }) => [name, { value, unit }]));
}

/** What the settings mean for locks. @internal */
export function settingFindings(settings: ServerSettings): Finding[] {
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
          'An idle transaction keeps its locks indefinitely; set a limit.',
        )
      : finding('settings', 'ok', text('idle_in_transaction_session_timeout')),
    value('lock_timeout') === '0'
      ? finding(
          'settings',
          'info',
          text('lock_timeout'),
          'Statements wait for locks indefinitely; pglock.timeout() limits them.',
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
