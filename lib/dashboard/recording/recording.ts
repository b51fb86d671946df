import { PgLockUsageError } from '../../errors/pg-lock-usage.error.js';
import { printable } from '../../vocabulary/printable.js';
import type { DashboardSource, DashboardView } from '../dashboard-source.js';
import type { LoggedEvent } from '../sampling/event-log.js';

/** A line of a recording. */
interface Line {
  readonly at: string;
  readonly pglock?: number;
  readonly connection?: string;
  readonly historyMs?: number;
  readonly event?: string;
  readonly view?: string;
  readonly data?: unknown;
}

interface Entry {
  readonly at: number;
  readonly data: unknown;
}

const VERSION = 1;
/** What views have beside their items, where nothing was recorded. */
const NOTHING = { sessions: 0, hidden: 0, lastWaitAt: null, tableLocks: 0, tableSize: 0, leaders: [] };

/** What `--record` wrote, looked at as of any instant that it covers. Nothing can be done in it. @internal */
export class Recording implements DashboardSource {
  readonly recorded: { readonly from: Date; readonly to: Date };
  readonly historyMs: number;
  private readonly entries: ReadonlyMap<string, readonly Entry[]>;

  private constructor(
    readonly name: string,
    historyMs: number | undefined,
    lines: readonly Line[],
  ) {
    const instants = lines.map(({ at }) => Date.parse(at));
    this.recorded = { from: new Date(Math.min(...instants)), to: new Date(Math.max(...instants)) };
    this.historyMs = historyMs ?? this.recorded.to.getTime() - this.recorded.from.getTime();
    const entries = new Map<string, Entry[]>();
    for (const { at, event, view, data } of lines) {
      const kind = event ?? view ?? 'header';
      const known = entries.get(kind) ?? [];
      entries.set(kind, known);
      known.push({ at: Date.parse(at), data });
    }
    this.entries = entries;
  }

  /**
   * Reads the text of a recording. A last line that was cut off is left out.
   *
   * @throws {PgLockUsageError} when it is none, or one of a later version.
   */
  static of(text: string, file: string): Recording {
    const texts = text.split('\n').filter((line) => line.trim() !== '');
    const lines = texts.flatMap((line, index) => parsed(line, file, index + 1, index === texts.length - 1));
    const [header] = lines;
    if (header?.pglock === undefined)
      throw new PgLockUsageError(`${file} is no recording of \`pglock ui --record\`.`);
    if (header.pglock > VERSION)
      throw new PgLockUsageError(
        `${file} was recorded by a later version of pglock (format ${printable(header.pglock)}): update this one.`,
      );
    return new Recording(header.connection ?? 'recording', header.historyMs, lines);
  }

  read(view: DashboardView, at: Date = this.recorded.to): Promise<object> {
    if (view === 'timeline') return Promise.resolve(this.timeline(at));
    const { data } = this.last(view, at) ?? {};
    const nothing = { connection: this.name, at, items: [], ...NOTHING };
    if (view !== 'now') return Promise.resolve(data ?? nothing);
    return Promise.resolve({ ...(data ?? nothing), at, items: treesOf(data) });
  }

  follow(_lastEventId: string | undefined, tell: (event: LoggedEvent) => void): () => void {
    const { data } = this.last('now', this.recorded.to) ?? {};
    if (data !== undefined) tell({ id: null, event: 'now', data: JSON.stringify(data) });
    return () => undefined;
  }

  private timeline(at: Date): object {
    const waits = new Map<string, object>();
    for (const { data } of this.until('waits', at))
      for (const wait of data as readonly { readonly id: string }[])
        waits.set(wait.id, { type: 'wait', ...wait });
    const markers = this.until('marker', at).map(({ data }) => ({ type: 'marker', ...(data as object) }));
    const since = this.recorded.from;
    return {
      connection: this.name,
      at,
      items: [...waits.values(), ...markers],
      since,
      historyMs: this.historyMs,
    };
  }

  private last(kind: string, at: Date): Entry | undefined {
    return this.until(kind, at).at(-1);
  }

  private until(kind: string, at: Date): readonly Entry[] {
    const entries = this.entries.get(kind) ?? [];
    const end = entries.findIndex((entry) => entry.at > at.getTime());
    return end === -1 ? entries : entries.slice(0, end);
  }
}

function parsed(line: string, file: string, number: number, isLast: boolean): readonly Line[] {
  try {
    const value = JSON.parse(line) as Line | null;
    if (typeof value === 'object' && value !== null && !Number.isNaN(Date.parse(value.at))) return [value];
  } catch {
    if (isLast && number > 1) return [];
  }
  throw new PgLockUsageError(
    `${file} is no recording of \`pglock ui --record\`: line ${number} cannot be read.`,
  );
}

/** The stream sends the session of a lock once, with its node; a view has it in both places. */
function treesOf(answer: unknown): readonly unknown[] {
  const { items = [] } = (answer ?? {}) as { readonly items?: readonly TreeNode[] };
  return items.map((node) => whole(node));
}

interface TreeNode {
  readonly activity: unknown;
  readonly lock: object | null;
  readonly blocked: readonly TreeNode[];
}

function whole(node: TreeNode): TreeNode {
  const { activity, lock, blocked } = node;
  return {
    ...node,
    lock: lock === null ? null : { ...lock, activity },
    blocked: blocked.map((each) => whole(each)),
  };
}
