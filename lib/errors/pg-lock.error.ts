const FAMILY = Symbol.for('nestjs-pglock:error-family');

/**
 * The root of every error that this library throws on purpose. Branch on the class or on `code`, never on the text.
 *
 * `code` is the SQLSTATE where PostgreSQL has one for the case, and a word beginning with `PGLOCK_` where it has none.
 * `cause` is the driver's error, untouched, where there was one.
 *
 * `instanceof` also knows the errors of another copy of this library in the process (the CommonJS one beside the ES module, two
 * versions in a monorepo), by the names of their classes.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 * @publicApi
 */
export abstract class PgLockError extends Error {
  /** SQLSTATE, or a word beginning with `PGLOCK_`. Stable across versions. */
  abstract readonly code: string;

  /** Inherited by all classes of the family, and so their sign. @internal */
  static readonly [FAMILY] = true;

  /** @internal */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
    let at = (value as { readonly constructor?: unknown } | null | undefined)?.constructor;
    for (; typeof at === 'function' && FAMILY in at; at = Object.getPrototypeOf(at))
      if (at.name === this.name) return true;
    return false;
  }

  protected constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}
