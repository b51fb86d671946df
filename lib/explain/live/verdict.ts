import { timeText } from '../observe/time-text.js';
import { stops } from '../observe/lock-strength.js';
import type { LiveRelation, LiveSession } from '../report.js';

/** One sentence: behind whom the lock would wait, and what queues behind it. @internal */
export function verdictOf(live: Omit<LiveRelation, 'verdict'>): string {
  const { relation, conflicting, bytes, wraparoundVacuum } = live;
  if (bytes === null) return `There is no ${relation} there.`;
  const [first] = conflicting;
  const behind = queueing(live);
  if (wraparoundVacuum && first === undefined)
    return `An autovacuum that prevents wraparound is at work on ${relation} and does not give way${behind === '' ? '' : `; ${behind}`}.`;
  if (first === undefined)
    return behind === ''
      ? `Nothing conflicts with it now, and no read or write of ${relation} waits for it.`
      : `Nothing conflicts with it now; while it is held, ${behind}.`;
  const others = conflicting.length === 1 ? '' : ` and ${conflicting.length - 1} more`;
  const waits = `would wait behind ${who(first)}${others}`;
  return behind === '' ? `${waits}.` : `${waits}; while it waits, ${behind}.`;
}

function who({ pid, applicationName, user, state, ageMs }: LiveSession): string {
  const name = applicationName || user;
  return `${pid}${name === '' ? '' : ` (${name})`}, ${state} for ${timeText(ageMs)}`;
}

function queueing({ relation, mode, scansPerSecond }: Omit<LiveRelation, 'verdict'>): string {
  const stopped = stops(mode);
  if (stopped === undefined) return '';
  if (mode !== 'ACCESS EXCLUSIVE') return `${stopped} of ${relation} queue behind it`;
  const rate = scansPerSecond ?? 0;
  return rate < 0.05
    ? `reads and writes of ${relation} queue behind it`
    : `${Number(rate.toFixed(rate < 10 ? 1 : 0))} scans a second of ${relation} queue behind it`;
}
