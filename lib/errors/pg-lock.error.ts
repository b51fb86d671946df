/**
 * The root of every error that this library throws on purpose. Branch on the class or on `code`, never on the text.
 *
 * `code` is the SQLSTATE where PostgreSQL has one for the case, and a word beginning with `PGLOCK_` where it has none.
 * `cause` is the driver's error, untouched, where there was one.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 * @publicApi
 */
export abstract class PgLockError extends Error {
  /** SQLSTATE, or a word beginning with `PGLOCK_`. Stable across versions. */
  abstract readonly code: string;

  protected constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}
