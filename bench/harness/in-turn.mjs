/** Milliseconds of each round, by name. A round of each in turn, so that noise meets all alike; the first warms up. */
export async function inTurn(candidates, rounds) {
  const times = Object.fromEntries(Object.keys(candidates).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++)
    for (const [name, work] of Object.entries(candidates)) {
      const startedAt = performance.now();
      await work();
      if (round > 0) times[name].push(performance.now() - startedAt);
    }
  return times;
}
