import { fusedLockOps, OWN_LOCKS, unlockCode, type KeyOp } from '../sql/advisory-lock.js';
import type { NamedStatement, Statement } from '../sql/statement.js';
import { LockKey } from '../vocabulary/lock-id.js';
import { Insistence } from './insistence.js';
import type { CommandBatch, TryOp } from './lock-command.js';
import type { TextRow } from './peer-port.js';

/** Runs a statement before all others. @internal */
export type UrgentRunner = (query: Statement | NamedStatement) => Promise<readonly TextRow[]>;

/** A key and its mode, as a session holds them. */
interface Stray extends KeyOp {
  readonly shared: boolean;
}

/** What is released may have been acquired twice: by what failed, and by what was under way behind it. */
const ROUNDS = 4;

/**
 * What is to be put right after a batch has failed: some of its operations may still have been done, and what was
 * under way behind it was asked for in the belief that all were.
 *
 * The session looks at what it really holds, and releases what was given to no request; then the error of what failed is reported,
 * and what was under way behind it is tried again.
 *
 * @internal
 */
export class Recovery {
  private readonly failed: { readonly batch: CommandBatch; readonly error: unknown }[] = [];
  private readonly granted: TryOp[] = [];

  /** A batch has failed. */
  addFailed(batch: CommandBatch, error: unknown): void {
    this.failed.push({ batch, error });
  }

  /** A batch behind one that failed has acquired a key. */
  addGranted(op: TryOp): void {
    this.granted.push(op);
  }

  /** What is to be tried again. */
  get again(): readonly TryOp[] {
    return this.granted;
  }

  /** Tells the failed batches of their errors. */
  report(refuse: (batch: CommandBatch, error: unknown) => void): void {
    for (const { batch, error } of this.failed) refuse(batch, error);
  }

  /**
   * Releases what was touched and is none of the locks that the session is known to hold; looks again after each release, also
   * one that was cancelled half-way. Rejects when it cannot be known or released.
   *
   * @param isHeld whether the session is known to hold the key.
   */
  async releaseStrays(run: UrgentRunner, isHeld: (key: LockKey, shared: boolean) => boolean): Promise<void> {
    const insistence = new Insistence();
    for (let rounds = 0; rounds < ROUNDS;) {
      try {
        const held = (await run(OWN_LOCKS)).map(strayOf);
        const touched = this.touchedKeys(); // by now, what was under way behind the failure is answered
        const strays = held.filter(({ key, shared }) => touched.has(key.text) && !isHeld(key, shared));
        if (strays.length === 0) return;
        await run(fusedLockOps(strays, []));
        rounds++;
      } catch (error) {
        if (!insistence.mayRepeat(error)) throw error;
      }
    }
    throw new Error('A lock that was released again and again is still held.');
  }

  private touchedKeys(): ReadonlySet<string> {
    const failed = this.failed.flatMap(({ batch }) => [...batch.releases, ...batch.tries]);
    return new Set([...failed, ...this.granted].map(({ key }) => key.text));
  }
}

function strayOf({ classId, objId, objSubId, shared }: TextRow): Stray {
  const ids = { classId: Number(classId), objId: Number(objId), objSubId: objSubId === '1' ? 1 : 2 } as const;
  const key = LockKey.ofAdvisoryKey(ids);
  return { key, shared: shared === 't', code: unlockCode(key, shared === 't') };
}
