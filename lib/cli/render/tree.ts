import type { BlockingTreeNode } from '../../inspection/blocking-tree.js';
import { sessionAge } from '../../inspection/session-age.js';
import { stateText, statementOf, whoText } from './lock-columns.js';
import { lockText } from '../../inspection/lock-text.js';
import type { Paint } from './paint.js';
import { spanText } from '../../vocabulary/span-text.js';
import { cut, textWidth } from './width.js';

/** How a tree is drawn. @internal */
export interface TreeOptions {
  readonly paint: Paint;
  /** The columns of the terminal; undefined means as wide as it gets. */
  readonly columns: number | undefined;
}

/** A session of the tree with its lines; they stand from the root downwards. @internal */
export interface TreeRow {
  readonly node: BlockingTreeNode;
  readonly lines: readonly string[];
}

/** The blocking tree: a line for each session, its statement below it. @internal */
export function treeLines(roots: readonly BlockingTreeNode[], options: TreeOptions): string[] {
  return treeRows(roots, options).flatMap(({ lines }) => [...lines]);
}

/** The same, session by session. An empty line stands before every root but the first. @internal */
export function treeRows(roots: readonly BlockingTreeNode[], options: TreeOptions): TreeRow[] {
  return roots.flatMap((root, index) => {
    const [first, ...others] = nodeRows(root, '', '', options) as [TreeRow, ...TreeRow[]];
    return [index === 0 ? first : { ...first, lines: ['', ...first.lines] }, ...others];
  });
}

function nodeRows(node: BlockingTreeNode, first: string, others: string, options: TreeOptions): TreeRow[] {
  const { paint, columns = Infinity } = options;
  const rest = `${others}${node.blocked.length > 0 ? '│ ' : '  '}`;
  const [head = '', ...more] = packed(
    partsOf(node),
    columns - textWidth(first),
    columns - textWidth(rest) - 2,
  );
  const statement = statementOf(node.activity);
  const style = (text: string) => (node.lock === null ? paint('bold', text) : text);
  const lines = [
    `${paint('dim', first)}${style(head)}`,
    ...more.map((text) => `${paint('dim', rest)}  ${style(text)}`),
    ...(statement === '' ? [] : [paint('dim', cut(`${rest}${statement}`, columns))]),
  ];
  const children = node.blocked.flatMap((child, index) => {
    const last = index === node.blocked.length - 1;
    return nodeRows(child, `${others}${last ? '└─ ' : '├─ '}`, `${others}${last ? '   ' : '│  '}`, options);
  });
  return [{ node, lines }, ...children];
}

/** As many parts on a line as find room. */
function packed(parts: readonly string[], firstRoom: number, room: number): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    const joined = last === undefined ? part : `${last}, ${part}`;
    const most = lines.length <= 1 ? firstRoom : room;
    if (last !== undefined && textWidth(joined) <= most) lines[lines.length - 1] = joined;
    else lines.push(cut(part, last === undefined ? firstRoom : room));
  }
  return lines;
}

function partsOf({
  activityId,
  activity,
  lock,
  holdsUp,
  preparedTransaction,
  cycle,
}: BlockingTreeNode): string[] {
  const isPrepared = preparedTransaction !== null;
  const name = isPrepared ? `prepared transaction ${preparedTransaction}` : String(activityId);
  const who = whoText(activity);
  const age = sessionAge(activity);
  const parts = [
    [
      who === '' ? name : `${name} (${who})`,
      isPrepared ? '' : stateText(activity),
      age === null ? '' : `for ${spanText(age)}`,
    ]
      .filter((part) => part !== '')
      .join(' '),
    lock === null ? '' : `waits for ${lockText(lock)}${spanAfter(lock.waitDuration)}`,
    holdsUp.count === 0 ? '' : `holds up ${holdsUp.count}`,
    holdsUp.longestWait === null || holdsUp.count === 0 ? '' : `the longest ${spanText(holdsUp.longestWait)}`,
    cycle ? 'a deadlock' : '',
  ];
  return parts.filter((part) => part !== '');
}

function spanAfter(span: number | null): string {
  return span === null ? '' : ` ${spanText(span)}`;
}
