// Engines of jobs that are broken on purpose, each in one place: patches of the built package in one process of a test.
const built = (file) => import(`../../build/${file}.js`);

/** @type {Record<string, () => Promise<void>>} */
export const MUTANTS = {
  /** A run is announced to nobody. */
  async noAnnouncement() {
    const { Job } = await built('jobs/job');
    Job.prototype.announce = async () => true;
  },

  /** What others have announced is forgotten. */
  async noMemory() {
    const { TickMemory } = await built('jobs/tick-memory');
    TickMemory.prototype.note = () => undefined;
  },

  /** A tick whose lock is taken is left alone. */
  async noCatchUp() {
    const { TickRun } = await built('jobs/tick-run');
    TickRun.prototype.takeLock = async function (takeLock) {
      const taken = await takeLock({ timeoutMs: 0, signal: this.ending }).catch(() => undefined);
      if (taken === undefined) this.leave('known');
      return taken;
    };
  },

  /** Who shuts down leaves at once, and answers nobody. */
  async noLingering() {
    const { Jobs } = await built('jobs/jobs');
    Jobs.prototype.linger = async () => undefined;
  },
};
