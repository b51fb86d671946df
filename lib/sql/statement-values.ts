/** Collects the values of a statement while its text is put together. @internal */
export class StatementValues {
  readonly list: unknown[] = [];

  /** Adds a value; gives back its placeholder, cast so that the server need not guess. */
  add(
    value: unknown,
    type: 'int4' | 'int8' | 'float8' | 'text' | 'bool' | 'int4[]' | 'float8[]' | 'text[]' | 'bool[]',
  ): string {
    this.list.push(value);
    return `$${this.list.length}::pg_catalog.${type}`;
  }
}
