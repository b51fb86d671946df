import { candidates } from './candidates/index.mjs';
import { firstBuild } from './harness/first-build.mjs';
import { aboutMachine, versionOf } from './harness/machine.mjs';
import { findRedis } from './harness/redis.mjs';
import { openDatabase } from './harness/server.mjs';
import { SCENARIOS } from './scenarios/index.mjs';

/** One run: every scenario on one server, one after the other. */
export async function measure({ withPeers, quick, rounds, only, say }) {
  const redis = withPeers ? await findRedis() : undefined;
  const all = await candidates({ withPeers, redis });
  const taking = quick ? all.filter(({ fresh }) => fresh !== true) : all;
  if (!quick) firstBuild(); // made once, before several processes ask for it
  const database = await openDatabase();
  const result = {
    at: new Date().toISOString().slice(0, 16) + 'Z',
    quick,
    rounds,
    machine: await aboutMachine(),
    server: database.about,
    versions: { pg: await versionOf('pg'), '@nestjs/core': await versionOf('@nestjs/core') },
    candidates: taking,
    scenarios: {},
  };
  try {
    for (const [name, { run }] of Object.entries(SCENARIOS)) {
      if (only !== undefined && !only.includes(name)) continue;
      if (quick && only === undefined && name === 'firstBuild') continue; // it builds another tree first
      const startedAt = performance.now();
      say(name);
      result.scenarios[name] = await run({
        place: { url: database.url, redis },
        candidates: taking,
        quick,
        rounds,
        say: (text) => say(`${name}: ${text}`),
      });
      say(`${name}: ${Math.round((performance.now() - startedAt) / 1_000)} s`);
    }
  } finally {
    await database.close();
  }
  return result;
}
