import pg from 'pg';
import { statementText } from '../../../lib/sql/statement-text.js';

type Change = (value: unknown) => unknown;

const VALUES: Readonly<Record<string, Change>> = {
  'as it came': (value) => value,
  'in upper case': (value) => String(value).toUpperCase(),
  trimmed: (value) => String(value).trim(),
  'as bytes': (value) => Buffer.from(String(value)),
  'in an object': (value) => ({ value }),
  'as a text object': (value) => new String(value),
};

const ROWS: Readonly<Record<string, (row: Readonly<Record<string, unknown>>) => unknown>> = {
  'as it came': (row) => row,
  'as a list': (row) => Object.values(row),
  'as a map': (row) => new Map(Object.entries(row)),
  renamed: (row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [`X_${key}`, value])),
  frozen: (row) => Object.freeze({ ...row }),
  'in an object': (row) => ({ data: { attributes: row } }),
};

const RESULTS: Readonly<Record<string, (result: { readonly rows: unknown[] }) => unknown>> = {
  'as it came': (result) => result,
  'rows alone': ({ rows }) => rows,
  'the first row alone': ({ rows }) => rows[0],
  'in an object': (result) => ({ ok: true, result }),
  'of a class of its own': (result) => Object.assign(Object.create({ traced: true }) as object, result),
};

export const PLUGIN_KINDS = {
  values: Object.keys(VALUES),
  rows: Object.keys(ROWS),
  results: Object.keys(RESULTS),
};

/** What was chosen for each kind of value, for rows, and for all that comes back. */
export interface Plugins {
  readonly boolean: string;
  readonly number: string;
  readonly text: string;
  readonly row: string;
  readonly result: string;
}

type Rows = readonly Readonly<Record<string, unknown>>[];

/** Parsers for every type of PostgreSQL, by its number. */
export function parserOf(plugins: Plugins, oid: number): Change {
  const kind = oid === 16 ? plugins.boolean : oid === 20 || oid === 23 ? plugins.number : plugins.text;
  return VALUES[kind]!;
}

/** What a hook makes of a row. */
export function changedRow(plugins: Plugins, row: Rows[number]): unknown {
  return ROWS[plugins.row]!(row);
}

/** What a hook makes of all that comes back. */
export function changedResult(plugins: Plugins, result: { readonly rows: Rows }): unknown {
  const rows = result.rows.map((row) => changedRow(plugins, row));
  return RESULTS[plugins.result]!(Object.assign(result, { rows }));
}

/** A client with these type parsers and a hook over what comes back from the library's statements. */
export function pluggedClient(plugins: Plugins): typeof pg.Client {
  const types = { getTypeParser: (oid: number) => parserOf(plugins, oid) };
  return class extends pg.Client {
    constructor(config?: pg.ClientConfig) {
      super({ ...config, ...(config?.password === undefined ? {} : { password: config.password }), types });
    }

    override query(...args: never[]): never {
      const answer = (super.query as (...given: never[]) => unknown).apply(this, args);
      const isOurs = statementText(args[0]).includes('pglock');
      const change = (result: pg.QueryResult) => changedResult(plugins, result as never);
      return (answer instanceof Promise && isOurs ? answer.then(change) : answer) as never;
    }
  };
}
