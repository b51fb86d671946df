import { readSessionName, sessionName } from './session-name.js';

/** How the `application_name` of every lock session ends, whatever the application calls itself before it. @internal */
export const LOCK_SESSION_SUFFIX = sessionName(undefined, 'locks');

/** Whether a session is one that holds this library's session-level locks. @internal */
export function isLockSession(applicationName: string | null): boolean {
  return applicationName !== null && readSessionName(applicationName)?.purpose === 'locks';
}
