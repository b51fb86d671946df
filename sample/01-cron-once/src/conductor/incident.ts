import type { Database } from './database.js';
import type { Fleet } from './fleet.js';
import type { Replica } from './replica.js';
import { dim, green, red, say, seconds, yellow } from './screen.js';
import type { Statistics } from './summary.js';
import { printHead } from './table.js';
import { fates } from './verdict.js';

const EVERY_TICKS = 10;
const FIRST_TICK = 4;

/** When a replica is killed: in a short run early enough to show what follows, in an endless one again and again. */
export class Schedule {
  private next: number;

  constructor(private readonly forMs: number | undefined) {
    this.next = forMs === undefined ? FIRST_TICK : Math.max(2, Math.floor(forMs / 3000));
  }

  /** Once it says yes, the next one is a while away. */
  isDue(number: number): boolean {
    if (number < this.next) return false;
    this.next = this.forMs === undefined ? number + EVERY_TICKS : Infinity;
    return true;
  }
}

/** The holder of the job's lock dies; another takes over; a new replica takes its place. */
export class Incident {
  private constructor(
    private readonly database: Database,
    private readonly fleet: Fleet,
    private readonly victim: Replica,
    private readonly killedAt: number,
    private readonly tick: number,
    private readonly statistics: Statistics,
  ) {}

  /** Kills the replica that runs this tick, as soon as it has: the others' clocks are behind, and their timers still to come. */
  static async happen(
    database: Database,
    fleet: Fleet,
    tick: number,
    statistics: Statistics,
  ): Promise<Incident | undefined> {
    const run = await database.runOf(tick, (tick + 1) * 1000);
    const victim = fleet.living.find(({ name }) => name === run?.replica);
    if (victim === undefined) return undefined;
    const killedAt = Date.now();
    const killed = victim.kill();
    const behind = fleet.living.filter((replica) => replica !== victim && replica.lastTick.tick < tick);
    await killed;
    say(
      red(
        `      ✗ SIGKILL for ${victim.name} (pid ${victim.pid}), which has just run this tick and holds the job's lock.`,
      ),
    );
    if (behind.length > 0)
      say(
        dim(
          `        The timers of ${behind.map(({ name }) => name).join(' and ')} have yet to fire: they already know that this tick was run.`,
        ),
      );
    const freeAfter = (await database.jobLockFree()) - killedAt;
    say(`        PostgreSQL released the lock ${yellow(seconds(freeAfter))} after the kill.`);
    return new Incident(database, fleet, victim, killedAt, tick, statistics);
  }

  /** Shows the takeover once it has happened, and what became of the ticks; gives undefined when there is nothing to wait for. */
  async afterTick(tick: number, numberOf: (tick: number) => number): Promise<Incident | undefined> {
    const runs = await this.database.runsSince(this.tick);
    const run = runs.find((one) => one.tick > this.tick);
    if (run === undefined) return tick > this.tick + 2 ? undefined : this;
    const took = run.at - this.killedAt;
    this.statistics.takeovers.push(took);
    say(
      green(
        `      ✓ ${run.replica} took over at its next tick, ${seconds(took)} after the kill, and keeps the lock.`,
      ),
    );
    say(`        ${fates(runs, this.tick, run.tick, numberOf)}`);
    const place = this.fleet.places.indexOf(this.victim);
    const successor = this.fleet.startIn(place);
    say(`      + ${successor.name} starts in the place of ${this.victim.name} (pid ${successor.pid}).`);
    printHead(this.fleet);
    return undefined;
  }
}
