import type { TreeNode } from '../wire.js';

/** A node where it is drawn. */
export interface Placed {
  readonly node: TreeNode;
  /** Tells one drawing of a session from another, under another root. */
  readonly key: string;
  readonly parent: Placed | null;
  readonly level: number;
  readonly x: number;
  y: number;
  /** Waiters that are not drawn, since there are so many. */
  readonly left: number;
  readonly siblings: number;
  readonly position: number;
}

export interface Drawing {
  readonly nodes: readonly Placed[];
  /** Indented, one below the other; else from left to right. */
  readonly narrow: boolean;
  readonly cardWidth: number;
  readonly width: number;
  readonly height: number;
}

export const CARD_HEIGHT = 142;
const GAP_X = 64;
const NARROWEST = 262;
const WIDEST = 420;
const GAP_Y = 18;
const INDENT = 18;
const ROOT_GAP = 26;
const MANY = 12;

/** Whether all waiters behind a session are to be drawn, or the first of them. */
export type Opened = ReadonlySet<string>;

/** From left to right where that fits into the width, else indented. */
export function drawingOf(roots: readonly TreeNode[], opened: Opened, width: number): Drawing {
  const levels = depthOf(roots);
  const cardWidth = Math.min((width - (levels - 1) * GAP_X) / levels, WIDEST);
  return cardWidth < NARROWEST ? narrowDrawing(roots, opened, width) : wideDrawing(roots, opened, cardWidth);
}

function depthOf(nodes: readonly TreeNode[]): number {
  let depth = 0;
  for (let level = nodes; level.length > 0; level = level.flatMap(({ blocked }) => blocked)) depth += 1;
  return Math.max(1, depth);
}

/** Each before the middle of those behind it. */
function wideDrawing(roots: readonly TreeNode[], opened: Opened, cardWidth: number): Drawing {
  const nodes: Placed[] = [];
  let bottom = 0;
  let width = 0;
  const place = (
    node: TreeNode,
    parent: Placed | null,
    key: string,
    siblings: number,
    position: number,
  ): Placed => {
    const level = parent === null ? 0 : parent.level + 1;
    const { shown, left } = shownBehind(node, key, opened);
    const x = level * (cardWidth + GAP_X);
    width = Math.max(width, x + cardWidth);
    const placed = { node, key, parent, level, x, y: 0, left, siblings, position };
    nodes.push(placed);
    const behind = shown.map((child, index) =>
      place(child, placed, `${key}/${child.activityId}`, shown.length, index + 1),
    );
    const [first, last] = [behind[0], behind.at(-1)];
    placed.y = first === undefined || last === undefined ? bottom : (first.y + last.y) / 2;
    if (first === undefined) bottom += CARD_HEIGHT + GAP_Y;
    if (left > 0) bottom += 28;
    return placed;
  };
  for (const [index, root] of roots.entries()) {
    place(root, null, String(root.activityId), roots.length, index + 1);
    bottom += ROOT_GAP;
  }
  return { nodes, narrow: false, cardWidth, width, height: Math.max(0, bottom - ROOT_GAP - GAP_Y) };
}

/** One below the other, indented. */
function narrowDrawing(roots: readonly TreeNode[], opened: Opened, width: number): Drawing {
  const nodes: Placed[] = [];
  let y = 0;
  const place = (
    node: TreeNode,
    parent: Placed | null,
    key: string,
    siblings: number,
    position: number,
  ): void => {
    const level = parent === null ? 0 : parent.level + 1;
    const { shown, left } = shownBehind(node, key, opened);
    const placed = { node, key, parent, level, x: Math.min(level, 6) * INDENT, y, left, siblings, position };
    y += CARD_HEIGHT + GAP_Y + (left > 0 ? 28 : 0);
    nodes.push(placed);
    for (const [index, child] of shown.entries())
      place(child, placed, `${key}/${child.activityId}`, shown.length, index + 1);
  };
  for (const [index, root] of roots.entries()) {
    place(root, null, String(root.activityId), roots.length, index + 1);
    y += ROOT_GAP - GAP_Y;
  }
  return { nodes, narrow: true, cardWidth: width, width, height: Math.max(0, y - ROOT_GAP) };
}

function shownBehind(
  node: TreeNode,
  key: string,
  opened: Opened,
): { shown: readonly TreeNode[]; left: number } {
  const { blocked } = node;
  if (blocked.length <= MANY + 1 || opened.has(key)) return { shown: blocked, left: 0 };
  return { shown: blocked.slice(0, MANY), left: blocked.length - MANY };
}

/** As wide as there are many behind it, and never too wide to be told from its neighbours. */
export function linkWidth({ holdsUp }: TreeNode): number {
  return Math.min(2 + 2.2 * Math.log2(1 + holdsUp.count), 14);
}
