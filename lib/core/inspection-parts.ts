import type { InspectionParts } from '../inspection/lock-inspector.js';
import type { Observer } from '../inspection/observer.js';
import type { LockNames } from '../locks/lock-names.js';
import type { ResolvedPgLockOptions } from '../options/pg-lock-options.js';
import { targetTable } from '../transaction/resolve-target.js';

/** What questions about locks stand on, for one database; the ids whose names were given are known from then on. @internal */
export function inspectionParts(
  { namespace, configs, findLimit, names: given }: ResolvedPgLockOptions,
  names: LockNames,
  observer: Observer,
): InspectionParts {
  for (const id of given.ids) names.keyOf(id);
  return {
    ...{ observer, names, namespace, configs },
    limit: findLimit,
    registered: given.registered,
    tableOf: (target) => targetTable(target),
  };
}
