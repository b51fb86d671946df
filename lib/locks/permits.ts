import { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import { atMost } from '../session/at-most.js';
import type { PollPort } from '../session/poll-port.js';
import { isPassing } from '../session/reachability.js';
import { monotonicMs, TIMER_MAX_MS } from '../vocabulary/monotonic.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import { printable } from '../vocabulary/printable.js';
import type { WaitSignal } from '../vocabulary/wait-abort.js';
import type { LockNames, NamedKey } from './lock-names.js';
import type { LockReference } from './lock-reference.js';
import { withFacts } from './named-holder.js';
import { PermitHead } from './permit-head.js';
import { permitKey, permitName, permitSignal } from './permit-keys.js';
import type { PermitLimits } from './permit-limits.js';
import { releaseInTime, type TimedCall } from './release-in-time.js';

/** How often one that is first in the queue asks for a permit, where no release wakes it. */
const POLL_MS = 25;

/** One call for permits. @internal */
export interface PermitCall extends TimedCall {
  readonly permits: number;
  readonly signal: WaitSignal | undefined;
}

/** What permits stand on. @internal */
export interface PermitsInit<Call extends PermitCall> {
  readonly names: LockNames;
  readonly limits: PermitLimits;
  readonly polls: () => PollPort | undefined;
  /** Asks for one key as any other caller does; once, where `once` says so. */
  ask(
    one: NamedKey,
    call: Call,
    how: { readonly shared: boolean; readonly once: boolean },
  ): Promise<LockReference>;
  /** Why the call may ask for nothing more, where a shutdown has begun meanwhile. */
  refusal(one: NamedKey, call: Call): Error | undefined;
  /** Whether the flow runs under the key already, and asks to enter it again. */
  enters(one: NamedKey, call: Call): boolean;
  /** The server's own `lock_timeout`, as far as it is known. */
  serverTimeoutMs(): number | null | undefined;
}

/**
 * At most n holders of an id in the fleet.
 *
 * Each permit is an advisory lock of its own ({@link permitKey}), and one more is the queue: who finds a permit free takes it
 * while it holds the queue shared, with all others that find one; who finds none waits for the queue alone, in the server's
 * order, and is then the only one in the fleet that asks for permits, until it has one. So none is overtaken.
 *
 * @internal
 */
export class Permits<Call extends PermitCall> {
  private readonly numbers = new WeakMap<LockReference, number>();
  /** Those of this process that are first in their queues, by what wakes them. */
  private readonly heads = new Map<string, PermitHead>();

  constructor(private readonly init: PermitsInit<Call>) {}

  /** The number of a permit, from 1; `undefined` for a lock that is none. */
  numberOf(reference: LockReference): number | undefined {
    return this.numbers.get(reference);
  }

  /** One permit of an id. */
  async take(one: NamedKey, call: Call): Promise<LockReference> {
    const entered = await this.enter(one, call);
    if (entered !== undefined) return entered;
    const queue = this.named(one, 0, call.permits);
    const taken = this.takeFree(one, queue, call);
    let permit = await (call.timeoutMs === 0 ? taken : taken.catch(unlessAway));
    while (permit === undefined) permit = await this.waitFor(one, queue, call);
    return permit;
  }

  /** A permit of the id was given back here. */
  released(key: LockKey): void {
    const polls = this.init.polls();
    const isAnyAwaited = polls?.isAnyAwaited === true;
    if (this.heads.size === 0 && !isAnyAwaited) return;
    const signal = permitSignal(key);
    this.wake(signal);
    if (isAnyAwaited && polls.isAwaited(signal)) polls.released(signal);
  }

  /** A permit was given back of the id with this signal. */
  wake(signal: string): void {
    this.heads.get(signal)?.wake();
  }

  private async enter(one: NamedKey, call: Call): Promise<LockReference | undefined> {
    for (let slot = 1; slot <= call.permits; slot++) {
      const named = this.named(one, slot, call.permits);
      if (!this.init.enters(named, call)) continue;
      return this.note(await this.init.ask(named, call, { shared: false, once: call.timeoutMs === 0 }), slot);
    }
    return undefined;
  }

  /** Without waiting: the queue must be empty. */
  private async takeFree(one: NamedKey, queue: NamedKey, call: Call): Promise<LockReference | undefined> {
    const open = await this.try(queue, call, true);
    if (open !== undefined) {
      try {
        const free = await this.firstFree(one, call);
        if (free !== undefined) return free;
      } finally {
        await releaseInTime([open], call);
      }
    }
    if (call.timeoutMs === 0) throw contention(one, call);
    return undefined;
  }

  /** In the queue, which outlasts a server that is away; `undefined` where its place there was lost. */
  private async waitFor(one: NamedKey, queue: NamedKey, call: Call): Promise<LockReference | undefined> {
    const turn = await this.init.ask(queue, call, { shared: false, once: false });
    const signal = permitSignal(one.key);
    const head = new PermitHead();
    this.heads.set(signal, head);
    const polled = this.init.polls()?.poll(signal);
    try {
      for (;;) {
        head.asks();
        const free = await this.anyFree(one, call).catch(unlessAway);
        if (free !== undefined) return free;
        if (call.signal?.aborted === true) throw call.signal.reason;
        const refused = this.init.refusal(one, call);
        if (refused !== undefined) throw refused;
        const leftMs = this.leftOf(call);
        if (leftMs <= 0) throw contention(one, call);
        if (!turn.alive) return undefined;
        await head.pause(Math.min(POLL_MS, leftMs), call.signal);
      }
    } finally {
      if (this.heads.get(signal) === head) this.heads.delete(signal);
      polled?.();
      await releaseInTime([turn], call);
    }
  }

  /** The lowest that is free, one after the other. */
  private async firstFree(one: NamedKey, call: Call): Promise<LockReference | undefined> {
    for (let slot = 1; slot <= this.init.limits.of(one.key, call.permits); slot++) {
      const reference = await this.try(this.named(one, slot, call.permits), call, false);
      if (reference !== undefined) return this.note(reference, slot);
      await this.learn(one, call);
    }
    return undefined;
  }

  /** All in one turn, for the only one that asks; what is too much is given back. */
  private async anyFree(one: NamedKey, call: Call): Promise<LockReference | undefined> {
    await this.learn(one, call);
    const slots = Array.from({ length: this.init.limits.of(one.key, call.permits) }, (_, index) => index + 1);
    const tried = await Promise.allSettled(
      slots.map((slot) => this.try(this.named(one, slot, call.permits), call, false)),
    );
    const [first, ...more] = tried.flatMap((result, index) =>
      result.status === 'fulfilled' && result.value !== undefined
        ? [{ reference: result.value, slot: index + 1 }]
        : [],
    );
    const tooMuch = more.map(({ reference }) => reference);
    await releaseInTime(tooMuch, call);
    if (first !== undefined) return this.note(first.reference, first.slot);
    for (const result of tried) if (result.status === 'rejected') throw result.reason;
    return undefined;
  }

  /** Asks peers for their number; where the server does not answer, no longer than the call may wait. */
  private async learn(one: NamedKey, call: Call): Promise<void> {
    const learned = this.init.limits.learn(one, call.permits);
    const leftMs = this.leftOf(call);
    if (call.timeoutMs === 0 || leftMs > TIMER_MAX_MS) await learned;
    else await atMost(Math.max(0, leftMs), learned);
  }

  private async try(named: NamedKey, call: Call, shared: boolean): Promise<LockReference | undefined> {
    try {
      return await this.init.ask(named, call, { shared, once: true });
    } catch (error) {
      if (error instanceof LockNotAvailableError) return undefined;
      throw error;
    }
  }

  private note(reference: LockReference, slot: number): LockReference {
    this.numbers.set(reference, slot);
    return reference;
  }

  private named({ id, key }: NamedKey, slot: number, of: number): NamedKey {
    const own = permitKey(key, slot);
    this.init.names.call(own, permitName(id, slot, of));
    return { id, key: own };
  }

  private leftOf({ timeoutMs, startedAt }: Call): number {
    const limit = timeoutMs === undefined ? this.init.serverTimeoutMs() : timeoutMs;
    return typeof limit === 'number' ? limit - (monotonicMs() - startedAt) : Infinity;
  }
}

/** No permit for now, where the server could not be reached and that may pass. */
function unlessAway(error: unknown): undefined {
  if (!isPassing(error)) throw error;
}

/** All are held: who holds one of the first is told. */
const ASKED_SLOTS = [1, 2, 3] as const;

function contention(
  { id, key }: NamedKey,
  { permits, timeoutMs, startedAt }: PermitCall,
): LockNotAvailableError {
  const waited = timeoutMs === 0 ? 0 : Math.round(monotonicMs() - startedAt);
  const within = timeoutMs === 0 ? 'at once' : `within ${waited} ms`;
  const error = new LockNotAvailableError(
    `Could not acquire one of ${permits} permits of advisory lock ${printable(id)} ${within}: all are held. ` +
      "Increase `timeout`, set `onContention: 'skip'`, or retry.",
    { id, waited },
  );
  const slots = ASKED_SLOTS.filter((slot) => slot <= permits);
  return withFacts(error, { keys: slots.map((slot) => permitKey(key, slot)) });
}
