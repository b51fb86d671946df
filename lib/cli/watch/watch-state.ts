import type { BlockingTreeNode } from '../../inspection/blocking-tree.js';
import type { PgActivity } from '../../inspection/pg-activity.js';
import type { BlockedPgLock, PgLock } from '../../inspection/pg-lock.js';

/** What the screen is about. @internal */
export type WatchView = 'blocked' | 'locks' | 'tree';

/** What the last line asks for. @internal */
export type WatchPrompt =
  | { readonly kind: 'filter'; readonly text: string }
  | {
      readonly kind: 'confirm';
      readonly action: 'cancel' | 'terminate';
      readonly sessions: readonly PgActivity[];
    };

/** What was found when the screen was last refreshed. @internal */
export interface WatchData {
  readonly rows: readonly (PgLock | BlockedPgLock)[];
  readonly roots: readonly BlockingTreeNode[];
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
export const INITIAL_WATCH_STATE: WatchState = Object.freeze({
  view: 'blocked',
  filter: '',
  sort: 0,
  selected: 0,
  marked: new Set<string>(),
  expanded: false,
  paused: false,
  prompt: undefined,
  message: '',
  data: { rows: [], roots: [] },
  ended: false,
});

/** The session that a row stands for: in the view of blockers the one in the way. @internal */
export function sessionAt(row: PgLock | BlockedPgLock): PgActivity {
  return 'blockingActivity' in row ? row.blockingActivity : row.activity;
}

/** Tells sessions apart, also those that have one pid one after the other. @internal */
export function sessionKey({ pid, backendStartText }: PgActivity): string {
  return `${pid} ${backendStartText ?? ''}`;
}
