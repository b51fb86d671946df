/** What stands in the critical section: nothing, so that the lock itself is measured. */
export async function nothing() {}

/**
 * So many tasks, each taking and letting go of a lock of its own again and again for a while.
 *
 * @param run takes a lock, runs the work, and releases it: `run(id, work)`.
 * @param idOf the id that a task locks in its n-th cycle.
 */
export async function cyclesPerSecond(run, { tasks, ms, idOf }) {
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  const deadline = startedAt + ms;
  let cycles = 0;
  async function task(index) {
    let turn = 0;
    do {
      await run(idOf(index, turn++), nothing);
      cycles++;
    } while (performance.now() < deadline);
  }
  await Promise.all(Array.from({ length: tasks }, (_, index) => task(index)));
  const elapsed = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { perSecond: (cycles / elapsed) * 1000, cycles, cpuMicros: (user + system) / cycles };
}
