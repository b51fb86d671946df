import type { ExecutionContext } from '@nestjs/common';
import { processWide } from '../../vocabulary/process-wide.js';
import type { Held } from '../interceptors/held-handler.js';

/** One for the process: the guard of one copy of the library releases what an interceptor of another one took. */
const state = processWide('admitted-locks:1', () => ({
  /** What was taken for one answer before it began, by the interceptor class that it was taken for. */
  admitted: new WeakMap<object, Map<unknown, Held>>(),
  /** Whether anything ever was: most applications send no events. */
  isUsed: false,
}));

/** Keeps what was taken until the interceptor comes for it. @internal */
export function keepAdmitted(answer: object, by: unknown, held: Held): void {
  const { admitted } = state;
  state.isUsed = true;
  const of = admitted.get(answer) ?? new Map<unknown, Held>();
  admitted.set(answer, of);
  of.set(by, held);
}

/** What was taken for the answer of this call; the interceptor now has it, and releases it. @internal */
export function claimAdmitted(context: ExecutionContext, by: unknown): Held | undefined {
  if (!state.isUsed || context.getType<string>() !== 'http') return undefined;
  const of = state.admitted.get(context.switchToHttp().getResponse<object>());
  const held = of?.get(by);
  of?.delete(by);
  return held;
}

/** Releases what no interceptor came for. @internal */
export async function releaseAdmitted(answer: object): Promise<void> {
  const { admitted } = state;
  const left = [...(admitted.get(answer)?.values() ?? [])];
  admitted.delete(answer);
  await Promise.all(left.map((held) => held.leave()));
}
