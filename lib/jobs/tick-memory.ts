import type { JobOutcome } from './job-status.js';

/** How a run ended, as its replica has told. @internal */
export interface TickEnd {
  readonly outcome: JobOutcome;
  readonly startedAt: number;
  readonly duration: number | null;
  readonly error: string | null;
}

/** One tick that a replica has announced: from then on it counts as run. @internal */
export interface TickClaim {
  /** The instant. */
  readonly at: number;
  /** The id of the peer that announced it. */
  readonly by: string;
  readonly replica: string;
  readonly late: number;
  /** When it was announced, by the wall clock of this process. */
  readonly announcedAt: number;
  end: TickEnd | undefined;
}

/** Of each job so many ticks are remembered. */
const TICKS = 16;
/** By how much an announcement may seem early where this process was busy. */
const ON_ITS_WAY_MS = 1_000;
/** No clock that may be trusted is ahead by so much. */
const FAR_AHEAD_MS = 60_000;
/** Of so many jobs, those of other applications on the database included. */
const JOBS = 10_000;

/**
 * The last ticks of each job, by the instant that their expression names: what this process knows of who ran what. It lives
 * as long as the process, also while no session listens; whether it is complete is for `Peers.listeningSince` to say.
 *
 * @internal
 */
export class TickMemory {
  private readonly jobs = new Map<string, TickClaim[]>();

  /** Notes a claim. The first one of an instant stays, but for our own: a claim of another process says more. */
  note(job: string, claim: TickClaim, self: string): void {
    const known = this.claimsOf(job);
    const index = known.findIndex(({ at }) => at === claim.at);
    const former = known[index];
    if (former === undefined) insert(known, claim);
    else if (former.by === self && claim.by !== self) known[index] = claim;
    if (known.length > TICKS) drop(known);
  }

  /** Notes how a claimed tick ended. */
  end(job: string, at: number, by: string, end: TickEnd): void {
    const claim = this.find(job, at);
    if (claim?.by === by) claim.end = end;
  }

  find(job: string, at: number): TickClaim | undefined {
    return this.jobs.get(job)?.find((claim) => claim.at === at);
  }

  /** The claim of the latest instant up to `until`: what is later is of a clock that is wrong. */
  last(job: string, until: number): TickClaim | undefined {
    return this.jobs.get(job)?.findLast((claim) => claim.at <= until);
  }

  /** The claim of the latest instant before this one. */
  lastBefore(job: string, at: number): TickClaim | undefined {
    return this.jobs.get(job)?.findLast((claim) => claim.at < at);
  }

  /** Takes back a claim that could not be told. */
  forget(job: string, at: number, by: string): void {
    const claims = this.jobs.get(job);
    const index = claims?.findIndex((claim) => claim.at === at && claim.by === by) ?? -1;
    if (index >= 0) claims?.splice(index, 1);
  }

  /** The claim of the instant, or of a later one up to `until`: what is later is of a clock that is wrong, and says nothing. */
  from(job: string, at: number, until: number): TickClaim | undefined {
    return this.jobs.get(job)?.find((claim) => covers(claim, at, until));
  }

  /** The same, by another process than `self`. */
  claimedByOther(job: string, at: number, self: string, until: number): TickClaim | undefined {
    return this.jobs.get(job)?.find((claim) => covers(claim, at, until) && claim.by !== self);
  }

  /** All claims of the instant and later ones, in an order that is the same for all who know the same. */
  since(from: number): { job: string; at: number; by: string; replica: string }[] {
    const found = [];
    for (const [job, claims] of this.jobs)
      for (const { at, by, replica } of claims) if (at >= from) found.push({ job, at, by, replica });
    return found.sort((a, b) => a.at - b.at || (a.job < b.job ? -1 : 1));
  }

  /** The latest instant of all jobs up to `until`; undefined where none is known. */
  latest(until: number): number | undefined {
    let latest: number | undefined;
    for (const claims of this.jobs.values()) {
      const at = claims.findLast((claim) => claim.at <= until)?.at;
      if (at !== undefined && (latest === undefined || at > latest)) latest = at;
    }
    return latest;
  }

  private claimsOf(job: string): TickClaim[] {
    let claims = this.jobs.get(job);
    if (claims === undefined) {
      if (this.jobs.size >= JOBS) this.forgetOldest();
      this.jobs.set(job, (claims = []));
    }
    return claims;
  }

  private forgetOldest(): void {
    const [oldest] = this.jobs.keys();
    if (oldest !== undefined) this.jobs.delete(oldest);
  }
}

/** The oldest; but first what only a clock that is wrong can have announced, which would stay for long, and keep none of now. */
function drop(claims: TickClaim[]): void {
  const latest = claims.at(-1)?.at ?? 0;
  if (latest > Date.now() + FAR_AHEAD_MS) claims.pop();
  else claims.shift();
}

/** A replica that runs a tick has given up the ones before it. */
function covers(claim: TickClaim, at: number, until: number): boolean {
  return claim.at === at || (claim.at > at && claim.at <= until);
}

/** Up to which instant ticks can have been run by now, by clocks that differ as much as they may. @internal */
export function believableUntil(clockSkewMs: number): number {
  return Date.now() + 2 * clockSkewMs + ON_ITS_WAY_MS;
}

function insert(claims: TickClaim[], claim: TickClaim): void {
  const index = claims.findIndex(({ at }) => at > claim.at);
  if (index < 0) claims.push(claim);
  else claims.splice(index, 0, claim);
}
