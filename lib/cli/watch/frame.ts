import { shownAttributes } from '../../sql/inspection-query.js';
import { oneLine } from '../../vocabulary/one-line.js';
import { listing } from '../render/listing.js';
import { BLOCKING_COLUMNS, BLOCKING_STATEMENTS, LIST_COLUMNS, STATEMENT } from '../render/lock-columns.js';
import type { Paint } from '../render/paint.js';
import { treeRows } from '../render/tree.js';
import { cut, fit } from '../render/width.js';
import { detailLines } from './detail.js';
import { HELP } from './help.js';
import { questionLines } from './question.js';
import { choices, nodesOf, sessionKey, WATCH_SORTS, type WatchState } from './watch-state.js';

/** What a frame is drawn for. @internal */
export interface FrameOptions {
  readonly paint: Paint;
  readonly columns: number;
  readonly lines: number;
  /** The host and the database. */
  readonly title: string;
}

/** The lines of one row, or of one node. */
type Block = readonly string[];

const MARK = 2;
const HEAD = 2;
/** What stays of the listing beside the details: the chosen row. */
const LEAST_ROWS = 1;

/** The whole screen: exactly so many lines, none wider than the terminal. @internal */
export function frame(state: WatchState, options: FrameOptions): string[] {
  const { columns, lines, paint } = options;
  const foot = footOf(state, options).slice(0, Math.max(1, lines - HEAD));
  const height = Math.max(0, lines - HEAD - foot.length);
  const body = state.help ? HELP.map((line) => cut(line, columns)) : bodyOf(state, options, height);
  const filled = [...body, ...Array.from({ length: Math.max(0, height - body.length) }, () => '')];
  return [
    paint('bold', fit(`pglock  ${options.title}`, columns)),
    paint('dim', fit(statusOf(state), columns)),
    ...filled.slice(0, height),
    ...foot,
  ].slice(0, lines);
}

function statusOf({ view, filter, sort, paused, marked, data }: WatchState): string {
  const { rows, roots, total, hiddenSessions } = data;
  const shown = view === 'tree' ? roots.length : rows.length;
  return [
    `${view} (${total > shown ? `${shown} of ${total}` : shown})`,
    view === 'tree' ? '' : `sorted by ${WATCH_SORTS[sort] ?? 'culprit'}`,
    filter === '' ? '' : `filter ${oneLine(filter)}`,
    marked.size === 0 ? '' : `${marked.size} marked`,
    hiddenSessions === 0 ? '' : `hidden: ${hiddenSessions} sessions`,
    paused ? 'PAUSED' : '',
  ]
    .filter((part) => part !== '')
    .join('   ');
}

function bodyOf(state: WatchState, options: FrameOptions, height: number): string[] {
  const { title, blocks } = blocksOf(state, options);
  const head = title === '' ? [] : [`  ${title}`];
  const detail = detailOf(state, options).slice(0, Math.max(0, height - head.length - LEAST_ROWS));
  const room = Math.max(0, height - head.length - detail.length);
  return [...head, ...inView(blocks, state.selected, room), ...detail].slice(0, height);
}

function blocksOf(
  state: WatchState,
  { paint, columns }: FrameOptions,
): { readonly title: string; readonly blocks: readonly Block[] } {
  const { view, data } = state;
  const width = columns - MARK;
  const lines =
    view === 'tree'
      ? { title: '', rows: treeRows(data.roots, { paint, columns: width }).map((row) => row.lines) }
      : listing(data.rows, {
          paint,
          width,
          ...(view === 'blocked'
            ? { columns: BLOCKING_COLUMNS, statements: BLOCKING_STATEMENTS }
            : { columns: LIST_COLUMNS, statements: [STATEMENT] }),
        });
  const sessions = choices(state);
  const blocks = lines.rows.map((block, index) => {
    const session = sessions[index];
    const marked = session !== undefined && state.marked.has(sessionKey(session));
    return blockLines(block, { marked, chosen: index === state.selected, paint });
  });
  return { title: lines.title, blocks };
}

function blockLines(
  block: Block,
  { marked, chosen, paint }: { readonly marked: boolean; readonly chosen: boolean; readonly paint: Paint },
): Block {
  const first = block.findIndex((line) => line !== '');
  return block.map((line, index) => {
    if (index !== first) return line === '' ? '' : `  ${line}`;
    const sign = `${chosen ? '>' : ' '}${marked ? '*' : ' '}`;
    return chosen ? paint('inverse', `${sign}${line}`) : `${sign}${line}`;
  });
}

/** As many whole blocks as find room, the chosen one among them. */
function inView(blocks: readonly Block[], selected: number, room: number): string[] {
  let first = Math.min(selected, Math.max(0, blocks.length - 1));
  const heightOf = (from: number, to: number) =>
    blocks.slice(from, to).reduce((sum, { length }) => sum + length, 0);
  const half = Math.floor(room / 2);
  while (first > 0 && heightOf(first - 1, selected) <= half) first -= 1;
  while (first > 0 && heightOf(first - 1, blocks.length) <= room) first -= 1;
  return blocks.slice(first).flat().slice(0, room);
}

/** Everything that there is about what is chosen. */
function detailOf(
  { expanded: open, view, data, selected }: WatchState,
  { paint, columns }: FrameOptions,
): string[] {
  const node = view === 'tree' ? nodesOf(data.roots)[selected] : undefined;
  const row = view === 'tree' ? node && { ...node.lock, activity: node.activity } : data.rows[selected];
  if (!open || row === undefined) return [];
  return detailLines(row, shownAttributes(view === 'blocked' ? 'blocked' : 'locks'), { paint, columns });
}

function footOf({ prompt, message, help }: WatchState, { columns, paint }: FrameOptions): string[] {
  if (prompt?.kind === 'filter') {
    const { text, cursor, untouched } = prompt.line;
    const shown = untouched ? text : `${text.slice(0, cursor)}_${text.slice(cursor)}`;
    return [
      `filter: ${untouched ? paint('inverse', fit(shown, Math.min(shown.length, columns - 8))) : fit(shown, columns - 8)}`,
    ];
  }
  if (prompt?.kind === 'confirm')
    return questionLines(prompt.action, prompt.sessions, columns).map((line) => paint('yellow', line));
  if (message !== '') return [paint('yellow', fit(oneLine(message), columns))];
  const keys = help
    ? 'any key goes back'
    : '? help  q quit  v view  / filter  e expand  space mark  c cancel  t terminate';
  return [paint('dim', fit(keys, columns))];
}
