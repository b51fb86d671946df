import type { BlockingTreeNode } from '../../inspection/blocking-tree.js';
import type { PgLock } from '../../inspection/pg-lock.js';
import { spanText } from '../../vocabulary/span-text.js';
import type { Paint } from './paint.js';
import { idText, oneLine } from './value.js';
import { fit } from './width.js';

/** How a tree is drawn. @internal */
export interface TreeOptions {
  readonly paint: Paint;
  /** The columns of the terminal; undefined means as wide as it gets. */
  readonly columns: number | undefined;
}

/** The blocking tree: a line for each session, its statement below it. @internal */
export function treeLines(roots: readonly BlockingTreeNode[], options: TreeOptions): string[] {
  return roots.flatMap((root, index) => [...(index === 0 ? [] : ['']), ...nodeLines(root, '', '', options)]);
}

function nodeLines(node: BlockingTreeNode, first: string, others: string, options: TreeOptions): string[] {
  const { paint, columns } = options;
  const below = node.blocked.length > 0 ? '│ ' : '  ';
  const statement = oneLine(node.activity.query ?? '');
  const cut = (line: string) => (columns === undefined ? line : fit(line, columns).trimEnd());
  const head = cut(`${first}${titleOf(node)}`);
  const lines = [
    `${paint('dim', head.slice(0, first.length))}${styledTitle(node, head.slice(first.length), paint)}`,
    ...(statement === '' ? [] : [paint('dim', cut(`${others}${below}${statement}`))]),
  ];
  const children = node.blocked.flatMap((child, index) => {
    const last = index === node.blocked.length - 1;
    return nodeLines(child, `${others}${last ? '└─ ' : '├─ '}`, `${others}${last ? '   ' : '│  '}`, options);
  });
  return [...lines, ...children];
}

function titleOf(node: BlockingTreeNode): string {
  const { activity, lock, holdsUp, preparedTransaction, cycle } = node;
  const name =
    preparedTransaction === null ? String(node.activityId) : `prepared transaction ${preparedTransaction}`;
  const who = [activity.applicationName, activity.user].filter(Boolean).join(', ');
  const since = activity.xactDuration ?? activity.duration;
  const parts = [
    who === '' ? name : `${name} (${oneLine(who)})`,
    preparedTransaction === null ? (activity.state ?? '') : '',
    since === null ? '' : `for ${spanText(since)}`,
  ];
  const waits =
    lock === null
      ? ''
      : `, waits for ${lockText(lock)}${lock.waitDuration === null ? '' : ` ${spanText(lock.waitDuration)}`}`;
  const holds =
    holdsUp.count === 0
      ? ''
      : `, holds up ${holdsUp.count}${holdsUp.longestWait === null ? '' : `, the longest ${spanText(holdsUp.longestWait)}`}`;
  return `${parts.filter((part) => part !== '').join(' ')}${waits}${holds}${cycle ? ', a deadlock' : ''}`;
}

function styledTitle({ lock }: BlockingTreeNode, text: string, paint: Paint): string {
  return lock === null ? paint('bold', text) : text;
}

/** What is awaited, in words. @internal */
export function lockText(lock: PgLock): string {
  const mode = lock.mode.replaceAll('_', ' ');
  if (lock.type === 'ADVISORY') return `${mode} on advisory ${advisoryText(lock)}`;
  const relation =
    lock.relName === null ? '' : `${lock.relSchema ?? ''}.${lock.relName}`.replace(/^(public)?\./, '');
  if (lock.type === 'RELATION') return `${mode} on ${relation || 'a relation'}`;
  if (lock.type === 'TRANSACTIONID' || lock.type === 'TUPLE')
    return relation === '' ? `transaction ${lock.transactionId ?? ''}`.trim() : `a row of ${relation}`;
  return `${mode} on ${lock.type.toLowerCase()}${relation === '' ? '' : ` of ${relation}`}`;
}

function advisoryText({ advisoryId, advisoryKey }: PgLock): string {
  if (advisoryId !== null) return idText(advisoryId);
  return advisoryKey === null
    ? 'lock'
    : `${advisoryKey.classId}:${advisoryKey.objId}:${advisoryKey.objSubId}`;
}
