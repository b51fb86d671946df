import type { Paint } from '../render/paint.js';
import { expanded, table } from '../render/listing.js';
import { treeLines } from '../render/tree.js';
import { oneLine } from '../render/value.js';
import { fit } from '../render/width.js';
import { sessionAt, sessionKey, WATCH_SORTS, type WatchState } from './watch-state.js';

/** What a frame is drawn for. @internal */
export interface FrameOptions {
  readonly paint: Paint;
  readonly columns: number;
  readonly lines: number;
  readonly title: string;
  /** The columns of `locks` and of `blocked`. */
  readonly attributes: readonly string[];
}

const MARK = 2;

/** The whole screen: exactly so many lines, none wider than the terminal. @internal */
export function frame(state: WatchState, options: FrameOptions): string[] {
  const { columns, lines, paint } = options;
  const body = bodyOf(state, options, Math.max(0, lines - 3));
  const filled = [...body, ...Array.from({ length: Math.max(0, lines - 3 - body.length) }, () => '')];
  return [
    paint('bold', fit(`pglock  ${options.title}`, columns)),
    paint('dim', fit(statusOf(state), columns)),
    ...filled,
    lastLine(state, options),
  ].slice(0, lines);
}

function statusOf({ view, filter, sort, paused, marked, data }: WatchState): string {
  const count = view === 'tree' ? data.roots.length : data.rows.length;
  return [
    `${view} (${count})`,
    `sorted by ${WATCH_SORTS[sort] ?? 'wait'}`,
    filter === '' ? '' : `filter ${filter}`,
    marked.size === 0 ? '' : `${marked.size} marked`,
    paused ? 'PAUSED' : '',
  ]
    .filter((part) => part !== '')
    .join('   ');
}

function bodyOf(state: WatchState, options: FrameOptions, height: number): string[] {
  const { paint, columns } = options;
  if (state.view === 'tree') return treeLines(state.data.roots, { paint, columns }).slice(0, height);
  const { rows } = state.data;
  const chosen = rows[state.selected];
  const detail =
    state.expanded && chosen !== undefined
      ? expanded([chosen], { ...options, columns })
          .map((line) => line)
          .slice(0, Math.floor(height / 2))
      : [];
  const [title = '', ...lines] = table(rows, { ...options, columns: columns - MARK });
  const room = Math.max(0, height - detail.length - 1);
  const first = Math.max(0, Math.min(state.selected - Math.floor(room / 2), lines.length - room));
  const shown = lines
    .slice(first, first + room)
    .map((line, index) => rowLine(state, line, first + index, paint));
  return [`  ${title}`, ...shown, ...detail].slice(0, height);
}

function rowLine(state: WatchState, line: string, index: number, paint: Paint): string {
  const row = state.data.rows[index];
  const marked = row !== undefined && state.marked.has(sessionKey(sessionAt(row)));
  const text = `${marked ? '* ' : '  '}${line}`;
  return index === state.selected ? paint('inverse', `>${text.slice(1)}`) : text;
}

function lastLine({ prompt, message }: WatchState, { columns, paint }: FrameOptions): string {
  if (prompt?.kind === 'filter') return fit(`filter: ${prompt.text}_`, columns);
  if (prompt?.kind === 'confirm') {
    const pids = prompt.sessions.map(({ pid }) => pid).join(', ');
    const verb = prompt.action === 'cancel' ? 'Cancel what is run by' : 'Terminate';
    return paint('yellow', fit(`${verb} backend ${pids}? (y/n)`, columns));
  }
  if (message !== '') return paint('yellow', fit(oneLine(message), columns));
  return paint(
    'dim',
    fit('q quit  v view  s sort  / filter  e expand  space mark  c cancel  t terminate  p pause', columns),
  );
}
