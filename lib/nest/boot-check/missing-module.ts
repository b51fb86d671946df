import { DiscoveryService, type ModulesContainer } from '@nestjs/core';
import { PgLockConfigurationError } from '../../errors/pg-lock-configuration.error.js';
import { isRuntimeToken } from '../lock-runtime.js';
import type { Wrapper } from '../schedule-bridge/job-enhancers.js';
import { checkedMethods, labelOf } from './checked-method.js';

const WATCHED = Symbol.for('nestjs-pglock:discovery-watched');

/**
 * Watches for the one case in which nothing of ours would run at boot: an application without `PgLockModule.forRoot()` whose
 * decorated provider comes from a factory or a value, so that Nest never creates its interceptors. Schedulers, event emitters and
 * queues ask `DiscoveryService` for what they call: there it is refused.
 *
 * Called where an enhancer is made; once for the process, however many copies of the library it has.
 *
 * @internal
 */
export function watchForMissingModule(): void {
  const target = DiscoveryService.prototype as DiscoveryService & { [WATCHED]?: true };
  if (target[WATCHED]) return;
  target[WATCHED] = true;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the service it was asked of
  const { getProviders } = target;
  target.getProviders = function (this: DiscoveryService, ...args) {
    const found = Reflect.apply(getProviders, this, args);
    const { modulesContainer } = this as unknown as { readonly modulesContainer?: ModulesContainer };
    if (modulesContainer !== undefined && !hasModule(modulesContainer)) found.forEach(refuse);
    return found;
  };
}

function hasModule(modules: ModulesContainer): boolean {
  return [...modules.values()].some(({ providers }) => [...providers.keys()].some(isRuntimeToken));
}

function refuse(wrapper: Wrapper): void {
  if (!wrapper.isNotMetatype) return;
  for (const checked of checkedMethods(wrapper, false)) {
    const [info] = [...checked.onMethod, ...checked.onClass, ...checked.wrappers];
    if (info !== undefined)
      throw new PgLockConfigurationError(
        `${info.decorator} on '${labelOf(checked)}' needs PgLockModule.forRoot(), which no module of this application imports. ` +
          'Import it in the root module.',
      );
  }
}
