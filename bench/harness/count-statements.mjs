import { createRequire } from 'node:module';

/** The library's own `pg`: that of the peers, which are installed beside this folder, is another one. */
export const pgOfLibrary = createRequire(new URL('../../dist/esm/index.js', import.meta.url))('pg');

/**
 * How many statements the process has sent so far, and when the last of them: on connections that are opened from now on, since
 * those of locks keep the `query` that they began with.
 */
export function countStatements({ Client: { prototype } }) {
  const { query } = prototype;
  let count = 0;
  const statements = () => count;
  prototype.query = function counted(...args) {
    count++;
    statements.lastAt = performance.now();
    return query.apply(this, args);
  };
  return statements;
}
