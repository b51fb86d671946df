import type { LockReference } from './lock-reference.js';

/**
 * What becomes of a call that asks for keys. Its caller awaits `answered`, and has them then, or awaits `settled()`: a lock that
 * the server gives at once costs its flow no promise of its own.
 *
 * @internal
 */
export interface Asked {
  /** Resolves when there may be something to know. */
  readonly answered: Promise<void> | undefined;
  /** The references, where all keys are held by now. @throws as the errors of a lock say. */
  taken(): readonly LockReference[] | undefined;
  /** The references when all keys are held; rejects as {@link Asked.taken} throws. */
  settled(): Promise<readonly LockReference[]>;
}

/** A call that takes several steps. @internal */
export class AskedInSteps implements Asked {
  readonly answered = undefined;

  constructor(private readonly references: Promise<readonly LockReference[]>) {}

  taken(): undefined {
    return undefined;
  }

  settled(): Promise<readonly LockReference[]> {
    return this.references;
  }
}
