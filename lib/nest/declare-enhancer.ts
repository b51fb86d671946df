import type { Type } from '@nestjs/common';
import { watchForMissingModule } from './boot-check/missing-module.js';
import { markEnhancer, type EnhancerInfo } from './enhancer-mark.js';
import { injectRuntime } from './lock-runtime.js';

/** Makes a class an enhancer of ours: Nest hands it its database, and the checks of the boot recognise it. @internal */
export function declareEnhancer(enhancer: Type, info: EnhancerInfo): void {
  watchForMissingModule();
  injectRuntime(enhancer, info.connection);
  markEnhancer(enhancer, info);
}
