import { Module, type DynamicModule } from '@nestjs/common';
import { PgLockConfigurationError } from './errors/pg-lock-configuration.error.js';
import {
  ConfigurableModuleClass,
  type ASYNC_OPTIONS_TYPE,
  type OPTIONS_TYPE,
} from './pg-lock.module-definition.js';
import { kind } from './pg-lock.option-reader.js';

/**
 * Brings `PgLockService` into an application, global by default. No connection is opened before it is needed; shutdown releases
 * every lock and closes what the module opened, never a pool of yours (call `app.enableShutdownHooks()` for signals).
 *
 * @publicApi
 */
@Module({})
export class PgLockModule extends ConfigurableModuleClass {
  /**
   * One database; import it again with another `name` for a further one.
   *
   * @example PgLockModule.forRoot({ connection: process.env.DATABASE_URL })
   * @throws {PgLockConfigurationError} (the boot does) when an option is unknown or its value not allowed.
   */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    const given: unknown = options;
    if (typeof given !== 'object' || given === null || Array.isArray(given))
      throw new PgLockConfigurationError(
        `PgLockModule: forRoot takes an object of options; got ${kind(given)}.`,
      );
    return super.forRoot(options);
  }

  /**
   * One database whose options are found out while the application boots, by `useFactory`, `useClass` or `useExisting`; `name`
   * and `isGlobal` stand beside them.
   *
   * @throws {PgLockConfigurationError} (the boot does) when an option is unknown or its value not allowed.
   */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return super.forRootAsync(options);
  }
}
