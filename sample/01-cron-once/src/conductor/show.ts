import { setTimeout as delay } from 'node:timers/promises';
import { Database } from './database.js';
import { Fleet } from './fleet.js';
import { Incident, Schedule } from './incident.js';
import type { Options } from './options.js';
import { bold, dim, red, say } from './screen.js';
import { printSummary, Statistics } from './summary.js';
import { printHead, printLegend, printTick } from './table.js';
import { sendTraffic } from './traffic.js';
import { judge } from './verdict.js';

/** Within each second: requests are sent, and the row is printed, once the slowest clock has ticked. */
const TRAFFIC_AT_MS = 250;
const ROW_BY_MS = 800;
/** No replica is stopped so close to a tick. */
const QUIET_MS = 150;
const POLL_MS = 10;

/** Starts the server and the replicas, shows them at work until it is over, and says whether each tick ran once. */
export async function runShow(options: Options, stop: AbortSignal): Promise<boolean> {
  say(dim('Starting PostgreSQL and three replicas …'));
  const database = await Database.start();
  const onOutput = (name: string, text: string) => say(dim(text.replaceAll(/^/gm, `  ${name} │ `)));
  const fleet = new Fleet({ databaseUrl: database.url, locked: options.locked, onOutput });
  try {
    await fleet.start();
    await sendTraffic(fleet.living, 0); // The first of everything is slow.
    if (stop.aborted) return true;
    introduce(database, fleet, options);
    return await new Show(database, fleet, options, stop).run();
  } finally {
    await fleet.stop();
    await database.stop();
  }
}

function introduce(database: Database, fleet: Fleet, { locked }: Options): void {
  say(`${bold('One @Cron job a second, three replicas')} on PostgreSQL ${database.version}`);
  if (!locked) say(red('Without its lock.'));
  for (const { name, pid, offsetMs } of fleet.places)
    say(`  ${bold(name)}  pid ${pid}, ${offsetMs === 0 ? 'clock on time' : `clock ${-offsetMs} ms behind`}`);
  say();
  printLegend();
  printHead(fleet);
}

class Show {
  /** The first whole second in which all replicas are there. */
  private readonly first = Math.ceil((Date.now() + QUIET_MS) / 1000);
  private readonly statistics = new Statistics();
  private readonly schedule: Schedule;

  constructor(
    private readonly database: Database,
    private readonly fleet: Fleet,
    private readonly options: Options,
    private readonly stop: AbortSignal,
  ) {
    this.schedule = new Schedule(options.forMs);
  }

  /** Ticks as they are counted in the table. */
  private readonly numberOf = (tick: number): number => tick - this.first + 1;

  async run(): Promise<boolean> {
    const { database, fleet, options } = this;
    let incident: Incident | undefined;
    for (let tick = this.first; ; tick++) {
      const number = tick - this.first + 1;
      if (options.locked && fleet.complete && this.schedule.isDue(number))
        incident = await Incident.happen(database, fleet, tick, this.statistics);
      await this.showTick(tick);
      if (incident !== undefined) incident = await incident.afterTick(tick, this.numberOf);
      await this.untilQuiet(tick);
      if (this.stop.aborted || (options.forMs !== undefined && number * 1000 >= options.forMs))
        return this.end(tick);
    }
  }

  private async showTick(tick: number): Promise<void> {
    await until(tick * 1000 + TRAFFIC_AT_MS);
    const traffic = await sendTraffic(this.fleet.living, tick);
    await this.allTicked(tick);
    printTick(tick - this.first + 1, this.fleet, tick, await this.database.runsSince(tick), traffic);
    this.statistics.note(traffic);
  }

  /** Resolves when every replica's timer has ticked, or when the row is due all the same. */
  private async allTicked(tick: number): Promise<void> {
    const due = tick * 1000 + ROW_BY_MS;
    while (Date.now() < due && !this.fleet.living.every((replica) => replica.lastTick.tick >= tick))
      await delay(POLL_MS);
  }

  /** Resolves when all have ticked a while ago. */
  private async untilQuiet(tick: number): Promise<void> {
    const ticked = this.fleet.living.filter(({ lastTick }) => lastTick.tick === tick);
    await until(Math.max(0, ...ticked.map(({ lastTick }) => lastTick.at)) + QUIET_MS);
  }

  private async end(tick: number): Promise<boolean> {
    await this.fleet.stop();
    const verdict = judge(await this.database.runsSince(this.first), this.first, tick);
    printSummary(verdict, this.statistics, this.numberOf);
    return verdict.ok;
  }
}

async function until(time: number): Promise<void> {
  const left = time - Date.now();
  if (left > 0) await delay(left);
}
