import { createParamDecorator } from '@nestjs/common';
import { noteTickParameter } from '../current-lock.js';
import { currentTick } from '../schedule-bridge/current-invocation.js';

/**
 * The tick for which a `@Cron` method with `AdvisoryLock` or `@WithAdvisoryLock` runs; undefined if it runs for none: by `jobs.run`,
 * as an interval or a timeout, or called by hand.
 *
 * @example `async exportAll(@CurrentTick() tick?: JobTick) {}`
 * @publicApi
 */
export function CurrentTick(): ParameterDecorator {
  return (target, method, index) => {
    if (method === undefined) return;
    noteTickParameter(target, method, index);
    HandlerParameter()(target, method, index);
  };
}

const HandlerParameter = createParamDecorator(() => currentTick());
