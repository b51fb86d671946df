import { Inject, Optional, type Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { LockDatabase } from '../core/lock-database.js';
import type { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import { PgLockConfigurationError } from '../errors/pg-lock-configuration.error.js';
import { namingHolder } from '../locks/named-holder.js';
import { DEFAULT_DATABASE_NAME } from '../options/pg-lock-options.js';
import { processWide } from '../vocabulary/process-wide.js';
import type { Answering } from './exceptions/contention-exception.js';
import type { RunRegistry } from './run-registry.js';

/** What enhancers and decorators work with: one database, and the application's runs. @internal */
export class LockRuntime {
  constructor(
    readonly core: LockDatabase,
    readonly runs: RunRegistry,
  ) {
    runs.addDatabase(core);
  }

  /** The error of a refusal, with who holds the lock, where that can be told within 60 ms; never while the application stops. */
  async named(error: LockNotAvailableError): Promise<LockNotAvailableError> {
    if (!this.runs.stopping) await namingHolder(error, this.core.findHolder);
    return error;
  }

  /** How contention is answered at this moment. */
  get answering(): Answering {
    return { httpStatus: this.core.options.httpStatus, isStopping: this.runs.stopping };
  }
}

/** The injection token of a database's {@link LockRuntime}. Worded for Nest's own message where the module is missing. @internal */
export function getLockRuntimeToken(name: string = DEFAULT_DATABASE_NAME): string {
  return name === DEFAULT_DATABASE_NAME
    ? 'PgLockModule.forRoot()'
    : `PgLockModule.forRoot({ name: '${name}' })`;
}

/** Whether a provider's token is that of a database of any name. @internal */
export function isRuntimeToken(token: unknown): boolean {
  return typeof token === 'string' && /^PgLockModule\.forRoot\(.*\)$/.test(token);
}

/** Why a database could not be made, by its token: what Nest hides from a parameter that is optional. */
const failures = processWide('failed-databases:1', () => new Map<string, unknown>());

/** Remembers why a database could not be made, and passes the error on. @internal */
export function noteFailure<Result>(name: string | undefined, make: () => Result): Result {
  const token = getLockRuntimeToken(name);
  failures.delete(token);
  const note = (error: unknown): never => {
    failures.set(token, error);
    throw error;
  };
  try {
    const made = make();
    return made instanceof Promise ? (made.catch(note) as Result) : made;
  } catch (error) {
    return note(error);
  }
}

/** Lets Nest hand an enhancer class its database, if there is one, and the modules that tell whether there should be. @internal */
export function injectRuntime(enhancer: Type, connection: string | undefined): void {
  Inject(getLockRuntimeToken(connection))(enhancer, undefined, 0);
  Optional()(enhancer, undefined, 0);
  Inject(ModulesContainer)(enhancer, undefined, 1);
}

/**
 * The database of an enhancer, as Nest has injected it: `null` where its factory has failed, which Nest hides from an optional
 * parameter (@nestjs/core 12.5.1, findings/nest-optional-hides-a-failing-factory.sh).
 *
 * @throws {PgLockConfigurationError} when the application has none of that name, or the enhancer was not made by Nest.
 * @internal
 */
export function requireRuntime(
  decorator: string,
  connection: string | undefined,
  runtime: LockRuntime | null | undefined,
  modules: ModulesContainer | undefined,
): LockRuntime {
  if (runtime !== undefined && runtime !== null) return runtime;
  const token = getLockRuntimeToken(connection);
  if (modules === undefined)
    throw new PgLockConfigurationError(
      `${decorator} was created with \`new\`, where nothing is injected: give Nest the class itself, as in ` +
        `{ provide: ${decorator.endsWith('Guard') ? 'APP_GUARD' : 'APP_INTERCEPTOR'}, useClass: ${decorator}(…) } for all handlers.`,
    );
  const isConfigured = [...modules.values()].some((module) => module.providers.has(token));
  if (!isConfigured)
    throw new PgLockConfigurationError(
      `${decorator} needs ${token}, which no module of this application imports. Import it in the root module` +
        (connection === undefined ? '.' : `, or correct \`connection: '${connection}'\`.`),
    );
  if (failures.has(token)) throw failures.get(token);
  throw new PgLockConfigurationError(
    `${decorator} needs ${token}, which could not be created or is not visible here: with isGlobal: false, import the ` +
      'module wherever its locks are used.',
  );
}
