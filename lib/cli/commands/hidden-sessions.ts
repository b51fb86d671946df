import { missingGrant, readGrants } from '../../inspection/grants.js';
import type { CliInspection } from '../open-inspection.js';

/** What a role that may not see others' sessions is told, and how it would see them; nothing where it sees all. @internal */
export async function hiddenLine({ observer }: CliInspection, hidden: number): Promise<string | undefined> {
  if (hidden === 0) return undefined;
  const grants = await readGrants(observer);
  const grant = missingGrant({ ...grants, signals: true });
  return `hidden: ${hidden} session${hidden === 1 ? '' : 's'} of other roles, whose state and statements role ${grants.role} may not see.${grant === undefined ? '' : ` ${grant}`}`;
}
