import type { PeerInfo } from '../peers/peers.js';
import type { AdvisoryKey } from '../vocabulary/lock-id.js';
import type { LeaderReport } from './leader-messages.js';
import type { LeaderReplica, LeaderStatus } from './leader-status.js';

interface Told {
  readonly leaders: readonly LeaderReport[];
  readonly from: PeerInfo;
}

/** Who leads what, of what this process and its peers say. @internal */
export function leaderStatuses(
  own: Told,
  theirs: readonly Told[],
  keyOf: (name: string) => AdvisoryKey,
): LeaderStatus[] {
  const told = [own, ...theirs].flatMap(({ leaders, from }) => leaders.map((report) => ({ report, from })));
  const names = [...new Set(told.map(({ report }) => report.name))].sort();
  return names.map((name) => {
    const reports = told.filter(({ report }) => report.name === name);
    const leading = reports.flatMap(({ report, from }) => replicaOf(report, from, own.from) ?? []);
    // Two may say so while the lead changes hands: the later term is right.
    const leader = leading.reduce<LeaderReplica | null>(
      (a, b) => (a !== null && a.term > b.term ? a : b),
      null,
    );
    return { name, key: keyOf(name), leader, standingBy: reports.length - leading.length };
  });
}

function replicaOf({ leads }: LeaderReport, from: PeerInfo, own: PeerInfo): LeaderReplica | undefined {
  if (leads === undefined) return undefined;
  const { applicationName, host, id } = from;
  const { pid, since, term } = leads;
  return { pid, applicationName, host, since: new Date(since), term: BigInt(term), own: id === own.id };
}
