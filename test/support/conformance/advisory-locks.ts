import { badInput } from './bad-input.js';
import { handles } from './handles.js';
import { howLong } from './how-long.js';
import type { LockEngine } from './lock-engine.js';
import { loss } from './loss.js';
import { nesting } from './nesting.js';
import { reentry } from './re-entry.js';
import { runningWork } from './running-work.js';
import { turns } from './turns.js';

/** Everything that advisory locks promise, whatever keeps them: PostgreSQL or memory. */
export function advisoryLockConformance(name: string, engine: LockEngine): void {
  describe(`advisory locks on ${name}`, () => {
    runningWork(engine);
    reentry(engine);
    handles(engine);
    howLong(engine);
    turns(engine);
    loss(engine);
    badInput(engine);
    nesting(engine);
  });
}
