import { PgLockConfigurationError } from '../errors/pg-lock-configuration.error.js';
import { durationMs, type Duration } from '../vocabulary/duration.js';
import { didYouMean } from '../vocabulary/known-options.js';
import { printable } from '../vocabulary/printable.js';

/** The names of all options of a kind. @internal */
export type OptionNames<Options> = readonly (keyof Options & string)[];

/** Reads one object of options: knows its name for messages, and refuses what it does not know. @internal */
export class OptionReader<Options extends object> {
  private readonly values: Options;

  /**
   * @param path how messages call the object, such as `sessions`; empty for the module's options.
   * @param allowed the names of all its options.
   */
  constructor(
    values: unknown,
    private readonly path: string,
    allowed: readonly (keyof Options & string)[],
  ) {
    if (!isPlain(values))
      throw refused(path || 'options', `an object with ${allowed.join(', ')}`, kind(values));
    for (const name of Object.keys(values))
      if (!contains(allowed, name)) throw unknown(this.label(name), name, allowed);
    this.values = values as Options;
  }

  /** The raw value; what is undefined counts as left out. */
  raw<Name extends keyof Options & string>(name: Name): Options[Name] {
    return this.values[name];
  }

  text(name: keyof Options & string): string | undefined {
    return this.check(name, 'a string', (value): value is string => typeof value === 'string');
  }

  flag(name: keyof Options & string): boolean | undefined {
    return this.check(name, 'true or false', (value): value is boolean => typeof value === 'boolean');
  }

  integer(name: keyof Options & string, least: number, most: number): number | undefined {
    const fits = (value: unknown): value is number =>
      Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
    const range = most === Number.MAX_SAFE_INTEGER ? `${least} or above` : `from ${least} to ${most}`;
    return this.check(name, `a whole number ${range}`, fits);
  }

  oneOf<Choice extends string>(name: keyof Options & string, choices: readonly Choice[]): Choice | undefined {
    const fits = (value: unknown): value is Choice => (choices as readonly unknown[]).includes(value);
    return this.check(name, choices.map((choice) => `'${choice}'`).join(' or '), fits);
  }

  /** A Duration as milliseconds. */
  ms(name: keyof Options & string, least: 0 | 1 = 0): number | undefined {
    const value: unknown = this.values[name];
    if (value === undefined) return undefined;
    try {
      const milliseconds = durationMs(value as Duration);
      if (milliseconds >= least) return milliseconds;
    } catch (error) {
      throw this.refuse(name, DURATION, printable(value), { cause: error });
    }
    throw this.refuse(name, `${DURATION}, longer than zero`, printable(value));
  }

  /** A wait as milliseconds: `null` waits indefinitely. */
  wait(name: keyof Options & string, least: 0 | 1 = 0): number | null | undefined {
    return this.values[name] === null ? null : this.ms(name, least);
  }

  /** An object of options within this one; where it is left out, an empty one. */
  nested<Nested extends object>(
    name: keyof Options & string,
    allowed: readonly (keyof Nested & string)[],
  ): OptionReader<Nested> {
    const value: unknown = this.values[name];
    return new OptionReader<Nested>(value === undefined ? {} : value, this.label(name), allowed);
  }

  /** Reads what has a language of its own, whose messages say what came and what is allowed. */
  understand<T>(name: string, read: () => T): T {
    try {
      return read();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new PgLockConfigurationError(`PgLockModule: ${this.label(name)} is refused: ${why}`, { cause });
    }
  }

  /** A value that passes `fits`, or undefined when it was left out. `got` may hide what must not be printed. */
  check<Value>(
    name: keyof Options & string,
    allowed: string,
    fits: (value: unknown) => value is Value,
    got: (value: unknown) => string = printable,
  ): Value | undefined {
    const value: unknown = this.values[name];
    if (value === undefined || fits(value)) return value;
    throw this.refuse(name, allowed, got(value));
  }

  refuse(name: string, allowed: string, got: string, options?: ErrorOptions): PgLockConfigurationError {
    return refused(this.label(name), allowed, got, options);
  }

  private label(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }
}

/** What a value is, without showing it: for what may hold a password. @internal */
export function kind(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return value === '' ? 'an empty string' : 'a string that is not valid';
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
}

const DURATION = "a Duration (milliseconds, or a text such as '500ms', '2s')";

function refused(
  label: string,
  allowed: string,
  got: string,
  options?: ErrorOptions,
): PgLockConfigurationError {
  return new PgLockConfigurationError(`PgLockModule: ${label} must be ${allowed}; got ${got}.`, options);
}

function unknown(label: string, name: string, allowed: readonly string[]): PgLockConfigurationError {
  return new PgLockConfigurationError(
    `PgLockModule: there is no option '${label}'.${didYouMean(name, allowed)} Allowed: ${allowed.join(', ')}.`,
  );
}

function contains(allowed: readonly string[], name: string): boolean {
  return allowed.includes(name);
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
