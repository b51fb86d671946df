import type { BlockingTreeNode } from '../../inspection/blocking-tree.js';
import type { PgActivity } from '../../inspection/pg-activity.js';
import type { BlockedPgLock, PgLock } from '../../inspection/pg-lock.js';
import type { FilterLine } from './filter-line.js';

/** What the screen is about. @internal */
export type WatchView = 'blocked' | 'locks' | 'tree';

/** What the last lines ask for. @internal */
export type WatchPrompt =
  | { readonly kind: 'filter'; readonly line: FilterLine }
  | {
      readonly kind: 'confirm';
      readonly action: 'cancel' | 'terminate';
      readonly sessions: readonly PgActivity[];
    };

/** What was found when the screen was last refreshed. @internal */
export interface WatchData {
  readonly rows: readonly (PgLock | BlockedPgLock)[];
  readonly roots: readonly BlockingTreeNode[];
  /** How many rows there are in all. */
  readonly total: number;
  readonly hiddenSessions: number;
}

/** Everything that the screen shows. @internal */
export interface WatchState {
  readonly view: WatchView;
  readonly filter: string;
  /** Index into {@link WATCH_SORTS}. */
  readonly sort: number;
  readonly selected: number;
  /** {@link sessionKey}s. */
  readonly marked: ReadonlySet<string>;
  readonly expanded: boolean;
  readonly paused: boolean;
  /** Whether the keys are explained. */
  readonly help: boolean;
  readonly prompt: WatchPrompt | undefined;
  /** The outcome of what was last done, or why it could not be. */
  readonly message: string;
  readonly data: WatchData;
  readonly ended: boolean;
}

/** @internal */
export const WATCH_VIEWS: readonly WatchView[] = ['blocked', 'locks', 'tree'];

/** What rows may be sorted by; the first is the usual order. @internal */
export const WATCH_SORTS = [undefined, '-waitDuration', '-activity.duration', 'activityId'] as const;

/** @internal */
export const NO_DATA: WatchData = Object.freeze({ rows: [], roots: [], total: 0, hiddenSessions: 0 });

/** @internal */
export const INITIAL_WATCH_STATE: WatchState = Object.freeze({
  view: 'blocked',
  filter: '',
  sort: 0,
  selected: 0,
  marked: new Set<string>(),
  expanded: false,
  paused: false,
  help: false,
  prompt: undefined,
  message: '',
  data: NO_DATA,
  ended: false,
});

/** The sessions that can be chosen, one for each row or node of the tree, from the top. @internal */
export function choices({ view, data }: WatchState): readonly PgActivity[] {
  return view === 'tree' ? nodesOf(data.roots).map(({ activity }) => activity) : data.rows.map(sessionAt);
}

/** The nodes of trees as they stand, from the top. @internal */
export function nodesOf(roots: readonly BlockingTreeNode[]): readonly BlockingTreeNode[] {
  return roots.flatMap((node) => [node, ...nodesOf(node.blocked)]);
}

/** The session that a row stands for: in the view of blockers the blocker. @internal */
export function sessionAt(row: PgLock | BlockedPgLock): PgActivity {
  return 'blockingActivity' in row ? row.blockingActivity : row.activity;
}

/** Tells sessions apart, also those that have one pid one after the other. @internal */
export function sessionKey({ pid, backendStartText }: PgActivity): string {
  return `${pid} ${backendStartText ?? ''}`;
}
