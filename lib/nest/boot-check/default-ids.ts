import { Logger } from '@nestjs/common';
import { PgLockConfigurationError } from '../../errors/pg-lock-configuration.error.js';
import type { EnhancerInfo } from '../enhancer-mark.js';
import type { AnyFunction } from '../nest-metadata.js';
import { labelOf, type CheckedMethod } from './checked-method.js';

/**
 * The default ids of one application. They stand on the names of classes, which bundlers shorten, mixins make at random, and two
 * modules may share.
 *
 * @internal
 */
export class DefaultIds {
  private readonly logger = new Logger('PgLock');
  private readonly hosts = new Map<string, AnyFunction>();
  private areRenamed = isRenamed;

  /** Looks at a class for what a minifier has done to the application: at its modules, which carry no ids. */
  lookAt({ name }: { readonly name: string }): void {
    this.areRenamed ||= /^(.|[\p{Ll}$_].)$/u.test(name);
  }

  /** @throws {PgLockConfigurationError} when a default id is none that all replicas, and no other class, would use. */
  check(checked: CheckedMethod, infos: readonly EnhancerInfo[]): void {
    for (const info of infos) {
      if (!info.hasId || info.ids !== undefined) continue;
      assertStable(checked, info, this.areRenamed);
      if (checked.host.name.length === 2) this.warn(checked);
      const id = `${info.connection ?? ''} ${labelOf(checked)}`;
      const other = this.hosts.get(id);
      if (other !== undefined && other !== checked.host) throw shared(checked, info);
      this.hosts.set(id, checked.host);
    }
  }

  /** As likely a minifier's name as anybody's own. */
  private warn(checked: CheckedMethod): void {
    this.logger.warn(
      `The lock '${labelOf(checked)}' is named after the class '${checked.host.name}': if a minifier made that name, other builds ` +
        'have another lock. Give it an id, or have the bundler keep names.',
    );
  }
}

function assertStable(checked: CheckedMethod, { decorator }: EnhancerInfo, areRenamed: boolean): void {
  const why = instability(checked.host.name, areRenamed);
  if (why === undefined) return;
  throw new PgLockConfigurationError(
    `PgLockModule: ${decorator}() on '${labelOf(checked)}' has no id, and its default, the names of class and method, cannot ` +
      `serve: ${why}. Give it an id, as in ${decorator}('reports.${checked.name}')`.concat(
        checked.host.name.length > 1 ? '.' : ', or have the bundler keep names (keepNames).',
      ),
  );
}

/** Whether a bundler has renamed the classes of this library, and so those of the application that it is bundled with. */
const isRenamed = DefaultIds.name !== 'DefaultIds';

/** Why a class name is not the same in every process, or does not say which class it is. */
function instability(name: string, areRenamed: boolean): string | undefined {
  if (name === '') return 'the class has no name';
  if (/^[0-9a-f]{21}$/.test(name)) return 'the class is a mixin(), whose name is random in each process';
  if (name.length === 1) return `a class called '${name}' was named by a minifier, differently in each build`;
  if (!/^\p{Lu}/u.test(name))
    return `the class name '${name}' begins with no upper-case letter, as one that a bundler made`;
  if (areRenamed && name.length <= LONGEST_MINIFIED)
    return `a minifier has renamed the classes of this application, and '${name}' is such a name, which differs from build to build`;
  return undefined;
}

/** Two hundred thousand names: no bundle has more. */
const LONGEST_MINIFIED = 3;

function shared(checked: CheckedMethod, { decorator }: EnhancerInfo): PgLockConfigurationError {
  return new PgLockConfigurationError(
    `PgLockModule: two different classes are called '${checked.host.name}', and ${decorator}() on their method ` +
      `'${checked.name}' would give both the same lock, '${labelOf(checked)}'. Give each an id of its own.`,
  );
}
