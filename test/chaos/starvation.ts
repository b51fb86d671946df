/** One request for the one id of a starvation run, in milliseconds of the machine's monotonic clock. */
export interface Turn {
  readonly process: number;
  readonly asked: number;
  readonly got: number;
  readonly released: number;
  readonly shared: boolean;
}

/** A request that has waited so long is known in the other processes: 100 ms, and what a message takes. */
const KNOWN_AFTER_MS = 120;

/** What was seen of one request. */
export interface Fairness {
  readonly turn: Turn;
  /** How long at a stretch it waited although no other request held the lock. */
  readonly idleMs: number;
  /** How long it waited, less the work of all who had asked before it, or so soon after it that it was not known by then. */
  readonly beyondWorkAheadMs: number;
}

/** Whether and how any of the requests was treated unfairly. */
export function fairness(turns: readonly Turn[]): Fairness[] {
  const granted = turns.toSorted((a, b) => a.got - b.got);
  return granted.map((turn) => ({
    turn,
    idleMs: idle(turn, granted),
    beyondWorkAheadMs: turn.got - turn.asked - workAhead(turn, granted),
  }));
}

function idle({ asked, got }: Turn, granted: readonly Turn[]): number {
  let [longest, until] = [0, asked];
  for (const other of granted) {
    if (other.got >= got) break;
    longest = Math.max(longest, other.got - until);
    until = Math.max(until, other.released);
  }
  return Math.max(longest, got - until);
}

/** For how long those work who come before it, one after the other. */
function workAhead(turn: Turn, granted: readonly Turn[]): number {
  return granted
    .filter((other) => other !== turn)
    .filter(({ asked, released }) => asked < turn.asked + KNOWN_AFTER_MS && released > turn.asked)
    .reduce((sum, { got, released }) => sum + released - Math.max(got, turn.asked), 0);
}
