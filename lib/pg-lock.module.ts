import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { PgLockConfigurationError } from './errors/pg-lock-configuration.error.js';
import { databaseProviders } from './nest/database-providers.js';
import { HandlersModule } from './nest/handlers.module.js';
import { noteFailure } from './nest/lock-runtime.js';
import {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
  type ASYNC_OPTIONS_TYPE,
  type OPTIONS_TYPE,
} from './pg-lock.module-definition.js';
import { kind } from './options/option-reader.js';
import type { PgLockModuleExtras } from './options/pg-lock-options.js';

/**
 * Provides `PgLockService`, globally by default. No connection is opened before it is needed; shutdown releases
 * every lock and closes what the module opened, never a pool of yours (call `app.enableShutdownHooks()` for signals).
 *
 * @publicApi
 */
@Module({})
export class PgLockModule extends ConfigurableModuleClass {
  /**
   * Configures one database; import the module again with another `name` for each further one.
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
    return withDatabase(super.forRoot(options), options);
  }

  /**
   * Configures one database with options that are computed while the application boots, by `useFactory`, `useClass` or
   * `useExisting`; `name` and `isGlobal` are given next to these.
   *
   * @throws {PgLockConfigurationError} (the boot does) when an option is unknown or its value not allowed.
   */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    assertFactory(options);
    const beside = Object.entries(options).filter(([key]) => !FACTORY_KEYS.includes(key));
    const definition = super.forRootAsync(options);
    const providers = definition.providers?.map((provider) => notingFailure(provider, options));
    return withDatabase({ ...definition, ...(providers && { providers }) }, Object.fromEntries(beside));
  }
}

/** What `forRootAsync` is given for Nest. Whatever else stands there is ours, and refused at boot where we do not know it. */
const FACTORY_KEYS = [
  'imports',
  'inject',
  'useFactory',
  'useClass',
  'useExisting',
  'provideInjectionTokensFrom',
];

/** @throws {PgLockConfigurationError} when nothing would make the options. */
function assertFactory(options: unknown): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw noFactory(kind(options));
  const { useFactory, useClass, useExisting } = options as typeof ASYNC_OPTIONS_TYPE;
  if (useFactory !== undefined && typeof (useFactory as unknown) !== 'function')
    throw noFactory(`useFactory as ${kind(useFactory)}`);
  if ((useFactory ?? useClass ?? useExisting) === undefined) throw noFactory('none of them');
}

function noFactory(got: string): PgLockConfigurationError {
  return new PgLockConfigurationError(
    `PgLockModule: forRootAsync takes useFactory (a function), useClass or useExisting; got ${got}.`,
  );
}

/** Remembers why the options could not be made: Nest hides it from enhancers, whose database is optional to them. */
function notingFailure(provider: Provider, { name, useFactory: given }: typeof ASYNC_OPTIONS_TYPE): Provider {
  if (typeof provider === 'function' || !('useFactory' in provider)) return provider;
  const { useFactory } = provider;
  const make = (...args: unknown[]): unknown => {
    if (given === undefined) assertMakesOptions(args[0]);
    return useFactory(...args) as unknown;
  };
  return { ...provider, useFactory: (...args: unknown[]): unknown => noteFailure(name, () => make(...args)) };
}

function assertMakesOptions(factory: unknown): void {
  const { createPgLockOptions } = (factory ?? {}) as { createPgLockOptions?: unknown };
  if (typeof createPgLockOptions === 'function') return;
  throw new PgLockConfigurationError(
    'PgLockModule: the class of useClass or useExisting has no method createPgLockOptions(): it implements PgLockOptionsFactory.',
  );
}

function withDatabase(definition: DynamicModule, extras: PgLockModuleExtras): DynamicModule {
  const { providers, exports } = databaseProviders(MODULE_OPTIONS_TOKEN, extras);
  return {
    ...definition,
    global: extras.isGlobal !== false,
    imports: [...(definition.imports ?? []), HandlersModule],
    providers: [...(definition.providers ?? []), ...providers],
    exports,
  };
}
