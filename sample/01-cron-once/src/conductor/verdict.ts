/** One row of the table of runs. */
export interface Run {
  readonly tick: number;
  readonly replica: string;
  /** Milliseconds of the Unix epoch. */
  readonly at: number;
}

export interface Verdict {
  readonly ticks: number;
  readonly runs: number;
  /** Ticks that ran more than once, with who ran them. */
  readonly twice: readonly { readonly tick: number; readonly replicas: readonly string[] }[];
  readonly lost: readonly number[];
  readonly ok: boolean;
}

/** What became of each tick from `first` to `last`, in words. */
export function fates(
  runs: readonly Run[],
  first: number,
  last: number,
  numberOf: (tick: number) => number,
): string {
  const told: string[] = [];
  for (let tick = first; tick <= last; tick++) {
    const by = runs.filter((run) => run.tick === tick).map(({ replica }) => replica);
    const times = by.length === 1 ? 'ran once' : `ran ${by.length} times`;
    told.push(`tick ${numberOf(tick)} ${by.length === 0 ? 'was lost' : `${times}, by ${by.join(', ')}`}`);
  }
  return `${told.join('; ')}.`;
}

/** Whether each tick from `first` to `last`, all of which some replica lived through, ran exactly once. */
export function judge(all: readonly Run[], first: number, last: number): Verdict {
  const runs = all.filter(({ tick }) => tick >= first && tick <= last);
  const byTick = new Map<number, string[]>();
  for (let tick = first; tick <= last; tick++) byTick.set(tick, []);
  for (const { tick, replica } of runs) byTick.get(tick)?.push(replica);
  const ticks = [...byTick].map(([tick, replicas]) => ({ tick, replicas }));
  const twice = ticks.filter(({ replicas }) => replicas.length > 1);
  const lost = ticks.filter(({ replicas }) => replicas.length === 0).map(({ tick }) => tick);
  return {
    ticks: ticks.length,
    runs: runs.length,
    twice,
    lost,
    ok: ticks.length > 0 && twice.length === 0 && lost.length === 0,
  };
}
