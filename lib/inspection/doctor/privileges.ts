import { hiddenSessions } from '../../sql/inspection-doctor.js';
import { missingGrant, readGrants } from '../grants.js';
import type { Observer } from '../observer.js';
import { finding, type Finding } from './finding.js';

/** What the connected role may see of sessions of other roles, and do to them. @internal */
export async function privileges(observer: Observer): Promise<Finding[]> {
  const grants = await readGrants(observer);
  if (grants.superuser) return [finding('privileges', 'ok', `role ${grants.role} is a superuser`)];
  const grant = missingGrant(grants);
  if (grant === undefined)
    return [
      finding(
        'privileges',
        'ok',
        `role ${grants.role} may see and signal sessions of other roles, but not those of superusers`,
      ),
    ];
  const lacks = [
    ...(grants.sees ? [] : ['see what sessions of other roles do']),
    ...(grants.signals ? [] : ['signal them']),
  ];
  const text = `role ${grants.role} may not ${lacks.join(', nor ')}`;
  return [finding('privileges', 'warning', text, grant), ...(await hidden(observer))];
}

async function hidden(observer: Observer): Promise<Finding[]> {
  const [row] = await observer.query<{ count: string }>(hiddenSessions(false));
  const count = Number(row?.count);
  if (count === 0) return [];
  return [
    finding(
      'hidden',
      'info',
      `${count} ${count === 1 ? 'session' : 'sessions'}, of which this role sees no state, statement or age`,
      'Locks and waits of all sessions are counted and shown nevertheless; idle transactions among these are not.',
    ),
  ];
}
