/** How many statements the process has sent so far, on whichever connection, and when the last of them. */
export function countStatements(pglock) {
  const { prototype } = pglock.pgDriver.Client;
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
