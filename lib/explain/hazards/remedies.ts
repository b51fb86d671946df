import { lastPart, madeName } from './rule.js';

/** A table of the same schema, named after another: `public.orders_new`. @internal */
export function beside(table: string, suffix: string): string {
  return `${table.slice(0, table.length - lastPart(table).length)}${madeName(table, suffix)}`;
}

/** Makes `orders_new` like `orders`, partitioned alike. @internal */
export function likeIt(table: string, partitionKey?: string): string {
  const partitions = partitionKey === undefined ? '' : ` PARTITION BY ${partitionKey}`;
  return `CREATE TABLE ${beside(table, 'new')} (LIKE ${table} INCLUDING ALL)${partitions}`;
}

/** Puts `orders_new` in the place of `orders`. @internal */
export function exchange(table: string): readonly string[] {
  return [
    '-- filled in batches, kept up to date by a trigger, with its foreign keys; then in one short transaction:',
    `ALTER TABLE ${table} RENAME TO ${madeName(table, 'old')};`,
    `ALTER TABLE ${beside(table, 'new')} RENAME TO ${lastPart(table)};`,
  ];
}

/** @internal */
export function concurrentReindex(sql: string): string {
  const concurrent = sql.replace(/\b(index|table|schema|database|system)\b/i, '$1 CONCURRENTLY');
  return `${concurrent}; -- outside of a transaction`;
}

/** Deletes a thousand rows, whichever they are. @internal */
export function deleteSome(table: string): string {
  return `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} LIMIT 1000)); -- again until it deletes none`;
}
