import { PgLockConfigurationError } from '../../errors/pg-lock-configuration.error.js';
import { METADATA } from '../nest-metadata.js';
import { labelOf, type CheckedMethod } from './checked-method.js';

/**
 * Refuses decorators of ours on a saga of CQRS: it is called once, while the application boots, and returns an Observable.
 *
 * @see https://docs.nestjs.com/recipes/cqrs#sagas
 * @throws {PgLockConfigurationError} when a saga carries one.
 * @internal
 */
export function assertNoSaga(checked: CheckedMethod): void {
  const { host, name, onMethod, wrappers } = checked;
  const [info] = [...onMethod, ...wrappers];
  if (info === undefined) return;
  const sagas = (Reflect.getMetadata(METADATA.sagas, host) ?? []) as readonly unknown[];
  if (!sagas.includes(name)) return;
  throw new PgLockConfigurationError(
    `PgLockModule: ${info.decorator} on '${labelOf(checked)}', a saga, would guard nothing: it is called once, at boot, and returns an ` +
      'Observable. Lock in the handlers of the commands that it issues.',
  );
}
