import { SCENARIOS } from '../scenarios/index.mjs';
import { goals } from './goals.mjs';
import { scale } from './scale.mjs';
import { asText } from './tables.mjs';

/** Everything that a run has found out, on stdout. */
export function print(result) {
  console.log(about(result).join('\n'));
  for (const table of allTables(result)) console.log(asText(table));
  const reached = goals(result);
  if (reached.rows.length > 0) console.log(asText(reached));
}

/** The tables of every scenario that ran, and what follows from them. */
export function allTables(result) {
  const measured = Object.entries(SCENARIOS)
    .filter(([name]) => result.scenarios[name] !== undefined)
    .flatMap(([name, { tables }]) => tables(result.scenarios[name], result));
  return [...measured, scale(result)].filter((table) => table !== undefined);
}

/** When, where and how: without it no figure means anything. */
export function about({ at, rounds, machine, server, versions }) {
  const settings = Object.entries(server.settings).map(([name, value]) => `${name} = ${value}`);
  return [
    `${at}, ${rounds} rounds`,
    `${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.system}, load ${machine.loadBefore[0]} before`,
    `Node ${machine.node.slice(1)}, pg ${versions.pg}, Nest ${versions['@nestjs/core']}, PostgreSQL ${server.version}` +
      `${server.embedded ? ', of the bench’s own' : ', given by DATABASE_URL'}, over loopback`,
    settings.join(', '),
  ];
}
