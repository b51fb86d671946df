/** One request for the one id of a starvation run, in milliseconds of the machine's monotonic clock. */
export interface Turn {
  readonly process: number;
  readonly asked: number;
  readonly got: number;
  readonly released: number;
  readonly shared: boolean;
}

/** For how long a key may go from flow to flow of one process while others wait; see `LOCAL_HANDOFF_MS`. */
const HANDOFF_MS = 10;

/** What was seen of one request. */
export interface Fairness {
  readonly turn: Turn;
  /** How long it waited although no other request held the lock, or only such as it could have joined. */
  readonly idleMs: number;
  /** How often another process had its turn meanwhile, beyond one for each request in front of it in its own process, and one. */
  readonly extraTurns: number;
  /** For how long beyond the allowed a process handed the lock on among its own flows, while this one waited elsewhere. */
  readonly keptMs: number;
  /** How long it waited, less the work of all who had asked before it. */
  readonly beyondWorkAheadMs: number;
}

/** Whether and how any of the requests was treated unfairly. */
export function fairness(turns: readonly Turn[]): Fairness[] {
  const granted = turns.toSorted((a, b) => a.got - b.got);
  const blocks = serverHolds(granted);
  return granted.map((turn) => ({
    turn,
    idleMs: idle(turn, granted),
    extraTurns: extraTurns(turn, granted, blocks),
    keptMs: kept(turn, blocks),
    beyondWorkAheadMs: turn.got - turn.asked - workAhead(turn, granted),
  }));
}

/** One time for which a process had the key at the server. */
interface ServerHold {
  readonly process: number;
  readonly grants: Turn[];
  from: number;
  to: number;
}

/** A grant belongs to the hold before it where no other process was granted the lock since that was released. */
function serverHolds(granted: readonly Turn[]): readonly ServerHold[] {
  const holds: ServerHold[] = [];
  const lastOf = new Map<number, ServerHold>();
  for (const turn of granted) {
    const last = lastOf.get(turn.process);
    const isInterrupted = last === undefined || (turn.got > last.to && holds[holds.length - 1] !== last);
    if (isInterrupted) {
      const hold = { process: turn.process, grants: [turn], from: turn.got, to: turn.released };
      lastOf.set(turn.process, hold);
      holds.push(hold);
    } else {
      last.grants.push(turn);
      last.to = Math.max(last.to, turn.released);
    }
  }
  return holds;
}

function idle({ asked, got }: Turn, granted: readonly Turn[]): number {
  let [covered, until] = [0, asked];
  for (const other of granted) {
    if (other.got >= got) break;
    const from = Math.max(until, other.got);
    const to = Math.min(got, other.released);
    if (to > from) [covered, until] = [covered + to - from, to];
  }
  return got - asked - covered;
}

function extraTurns(turn: Turn, granted: readonly Turn[], blocks: readonly ServerHold[]): number {
  const inFront = granted.filter(
    ({ process, asked, released }) => process === turn.process && asked < turn.asked && released > turn.asked,
  ).length;
  const counts = new Map<number, number>();
  for (const { process, from } of blocks)
    if (process !== turn.process && from > turn.asked && from < turn.got)
      counts.set(process, (counts.get(process) ?? 0) + 1);
  return Math.max(0, ...counts.values()) - inFront - 1;
}

/** The last grant of a hold comes soon after its first, where somebody elsewhere has waited since before. */
function kept(turn: Turn, blocks: readonly ServerHold[]): number {
  let worst = 0;
  for (const { process, from, grants } of blocks)
    if (process !== turn.process && turn.asked < from && from < turn.got)
      for (const { got } of grants)
        if (got < turn.got) worst = Math.max(worst, got - Math.max(from, turn.asked) - HANDOFF_MS);
  return worst;
}

/** For how long those work who asked before, one after the other. */
function workAhead(turn: Turn, granted: readonly Turn[]): number {
  return granted
    .filter(({ asked, released }) => asked < turn.asked && released > turn.asked)
    .reduce((sum, { got, released }) => sum + released - Math.max(got, turn.asked), 0);
}
