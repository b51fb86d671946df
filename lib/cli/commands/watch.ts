import type { PgActivity } from '../../inspection/pg-activity.js';
import type { SignalOutcome } from '../../inspection/signal-outcome.js';
import type { Duration } from '../../vocabulary/duration.js';
import { positiveDurationMs } from '../../vocabulary/duration.js';
import { CliError, EXIT, lineOf } from '../exit.js';
import type { Io } from '../io.js';
import { readSettings, withInspection, type CliInspection, type WhereToLook } from '../open-inspection.js';
import { paintFor } from '../render/paint.js';
import { frame } from '../watch/frame.js';
import { pressed, type WatchEffect } from '../watch/watch-keys.js';
import {
  choices,
  INITIAL_WATCH_STATE,
  NO_DATA,
  WATCH_SORTS,
  type WatchData,
  type WatchState,
} from '../watch/watch-state.js';
import { Screen } from '../watch/screen.js';
import type { SignalAction } from '../../vocabulary/signal.js';

/** The options of `pglock watch` as they are typed. @internal */
export interface WatchFlags extends WhereToLook {
  readonly interval?: string;
}

const MOST_ROWS = 500;

/** `pglock watch`: the whole screen, until the user quits. @returns the exit code. @internal */
export async function watch(io: Io, flags: WatchFlags): Promise<number> {
  const text = flags.interval ?? '2s';
  const intervalMs = positiveDurationMs((/^\d+$/.test(text) ? Number(text) : text) as Duration, '--interval');
  if (!io.stdout.isTTY || !io.stdin.isTTY)
    throw new CliError(EXIT.usage, 'watch needs a terminal. For scripts there is pglock --json.');
  const settings = await readSettings(io, flags);
  return withInspection(settings, [], (inspection) => new Watcher(io, inspection, intervalMs).run());
}

/**
 * Looks, draws and obeys keys until it is told to quit. A look that fails is told on the last line and tried again: what was
 * found last stays on the screen.
 */
class Watcher {
  private state: WatchState = INITIAL_WATCH_STATE;
  private readonly screen: Screen;
  private looking: Promise<void> | undefined;

  constructor(
    private readonly io: Io,
    private readonly inspection: CliInspection,
    private readonly intervalMs: number,
  ) {
    this.screen = new Screen(io);
  }

  async run(): Promise<number> {
    const { promise, resolve } = deferred();
    this.screen.open(
      (key) => {
        this.obey(key);
        if (this.state.ended) resolve();
      },
      () => {
        this.draw();
      },
      resolve,
    );
    const timer = setInterval(() => {
      if (!this.state.paused && this.state.prompt === undefined) this.refresh();
    }, this.intervalMs);
    this.refresh();
    await promise;
    clearInterval(timer);
    this.screen.close();
    return EXIT.done;
  }

  private obey(key: string): void {
    const { state, effect } = pressed(this.state, key);
    this.change(state);
    if (effect !== undefined) this.carryOut(effect);
  }

  private carryOut(effect: WatchEffect): void {
    if (effect.do === 'refresh') return this.refresh();
    const { action, sessions } = effect.prompt;
    void this.signal(action, sessions)
      .then(outcomesText, lineOf)
      .then((message) => {
        this.change({ ...this.state, message });
        this.refresh();
      });
  }

  private signal(action: SignalAction, sessions: readonly PgActivity[]): Promise<readonly SignalOutcome[]> {
    const { locks, blocked } = this.inspection;
    if (this.state.view !== 'blocked')
      return action === 'cancel' ? locks.cancelActivity({ sessions }) : locks.terminateActivity({ sessions });
    return action === 'cancel'
      ? blocked.cancelBlockingActivity({ sessions })
      : blocked.terminateBlockingActivity({ sessions });
  }

  private refresh(): void {
    this.looking ??= this.look().finally(() => (this.looking = undefined));
  }

  private async look(): Promise<void> {
    const before = this.state;
    try {
      const data = await this.find(before);
      const selected = Math.max(
        0,
        Math.min(this.state.selected, choices({ ...this.state, data }).length - 1),
      );
      const message = this.state.message.startsWith(TROUBLE) ? '' : this.state.message;
      this.change({ ...this.state, data, selected, message });
    } catch (error) {
      this.change({ ...this.state, message: `${TROUBLE}${lineOf(error)}` });
    }
    // What was asked for meanwhile is another question.
    if (
      before.view !== this.state.view ||
      before.filter !== this.state.filter ||
      before.sort !== this.state.sort
    )
      await this.look();
  }

  private async find({ view, filter, sort }: WatchState): Promise<WatchData> {
    const { locks, blocked } = this.inspection;
    if (view === 'tree') return { ...NO_DATA, roots: await blocked.tree() };
    const orderBy = WATCH_SORTS[sort];
    const query = {
      limit: MOST_ROWS,
      ...(filter === '' ? {} : { filters: filter.split(/\s+and\s+/) }),
      ...(orderBy === undefined ? {} : { orderBy }),
    };
    const found = await (view === 'blocked'
      ? blocked.survey(query, { ownXacts: false })
      : locks.survey(query, { ownXacts: false }));
    return { ...found, roots: [] };
  }

  private change(state: WatchState): void {
    this.state = state;
    this.draw();
  }

  private draw(): void {
    const { columns, rows } = this.io.stdout;
    const options = {
      paint: paintFor(this.io),
      columns,
      lines: rows,
      title: this.inspection.database.place,
    };
    this.screen.draw(frame(this.state, options));
  }
}

const TROUBLE = 'Trying again: ';

function outcomesText(outcomes: readonly SignalOutcome[]): string {
  return outcomes
    .map(({ pid, outcome, reason }) => `${pid} ${outcome}${reason === null ? '' : `: ${reason}`}`)
    .join(', ');
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}
