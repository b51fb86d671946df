import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { TreeNode } from '../wire.js';
import { CARD_HEIGHT, linkWidth, type Drawing, type Placed } from './layout.js';
import { SessionCard } from './session-card.js';
import { idOf } from './way.js';

interface Properties {
  readonly drawing: Drawing;
  readonly chosen: string | undefined;
  readonly way: ReadonlySet<string>;
  readonly hideQueries: boolean;
  readonly choose: (session: string | undefined) => void;
  readonly open: (key: string) => void;
}

/** The trees: links below, cards above. One card has the keyboard; arrows go along the links. */
export function TreeDrawing(properties: Properties): JSX.Element {
  const { drawing, chosen, way, hideQueries, choose, open } = properties;
  const { nodes, narrow, cardWidth } = drawing;
  const [active, show] = useState<string>();
  // Keys may come faster than the drawing.
  const latest = useRef<string | undefined>();
  const moving = useRef(false);
  const setActive = (key: string) => {
    latest.current = key;
    show(key);
  };
  const frame = useRef<HTMLDivElement>(null);
  const current =
    nodes.find(({ key }) => key === active) ?? nodes.find(({ node }) => idOf(node) === chosen) ?? nodes[0];
  const focused = useRef(false);
  useEffect(() => {
    if (!focused.current) return;
    moving.current = true;
    frame.current?.querySelector<HTMLElement>('[tabindex="0"]')?.focus();
    moving.current = false;
  }, [current?.key]);
  const go = (to: Placed | undefined) => {
    if (to !== undefined) setActive(to.key);
  };
  const pressed = (event: KeyboardEvent) => {
    const from = nodes.find(({ key }) => key === latest.current) ?? current;
    if (from === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const move = moves(nodes, from)[event.key];
    if (move !== undefined) go(move());
    else if (event.key === 'Enter' || event.key === ' ') choose(idOf(from.node));
    else if (event.key === 'Escape') choose(undefined);
    else return;
    event.preventDefault();
  };
  const lit = ({ node, parent }: Placed) =>
    parent !== null && way.has(idOf(node)) && way.has(idOf(parent.node));
  const size = { width: `${drawing.width}px`, height: `${drawing.height}px` };
  return (
    <div class="tree" style={size}>
      <div
        ref={frame}
        role="tree"
        aria-label="Who waits for whom, roots first"
        onKeyDown={pressed}
        onFocusIn={() => (focused.current = true)}
        onFocusOut={() => (focused.current = false)}
      >
        <svg class="links" width={drawing.width} height={drawing.height} aria-hidden="true">
          {[...nodes]
            .sort((one, other) => Number(lit(one)) - Number(lit(other)))
            .map((placed) =>
              placed.parent === null ? null : (
                <path
                  key={placed.key}
                  class={lit(placed) ? 'link lit' : 'link'}
                  d={narrow ? elbow(placed.parent, placed) : curve(placed.parent, placed, cardWidth)}
                  stroke-width={Math.min(linkWidth(withItself(placed.node)), narrow ? 6 : Infinity)}
                />
              ),
            )}
        </svg>
        {nodes.map((placed) => {
          const id = idOf(placed.node);
          const width = narrow ? cardWidth - placed.x : cardWidth;
          const classes = [
            'card',
            kindOf(placed.node),
            id === chosen ? 'chosen' : '',
            way.has(id) ? 'on-way' : '',
          ];
          return (
            <div
              key={placed.key}
              role="treeitem"
              class={classes.filter(Boolean).join(' ')}
              style={{
                left: `${placed.x}px`,
                top: `${placed.y}px`,
                width: `${width}px`,
                height: `${CARD_HEIGHT}px`,
              }}
              tabIndex={placed.key === current?.key ? 0 : -1}
              aria-level={placed.level + 1}
              aria-posinset={placed.position}
              aria-setsize={placed.siblings}
              aria-selected={id === chosen}
              data-session={id}
              onFocus={() => {
                if (!moving.current) setActive(placed.key);
              }}
              onClick={() => choose(id === chosen ? undefined : id)}
            >
              <SessionCard node={placed.node} hideQueries={hideQueries} />
            </div>
          );
        })}
      </div>
      {nodes
        .filter(({ left }) => left > 0)
        .map((placed) => (
          <More key={placed.key} placed={placed} last={lastBehind(nodes, placed)} open={open} />
        ))}
    </div>
  );
}

function More({
  placed,
  last,
  open,
}: {
  readonly placed: Placed;
  readonly last: Placed;
  readonly open: (key: string) => void;
}): JSX.Element {
  return (
    <button
      type="button"
      class="more"
      style={{ left: `${last.x}px`, top: `${last.y + CARD_HEIGHT + 6}px` }}
      onClick={() => open(placed.key)}
    >
      and {placed.left} more behind {idOf(placed.node)}
    </button>
  );
}

function lastBehind(nodes: readonly Placed[], placed: Placed): Placed {
  return nodes.filter(({ parent }) => parent === placed).at(-1) ?? placed;
}

function kindOf({ lock, cycle }: TreeNode): string {
  return lock === null || cycle ? 'root' : 'waiter';
}

/** A link carries those behind the waiter, and the waiter. */
function withItself(node: TreeNode): TreeNode {
  return { ...node, holdsUp: { ...node.holdsUp, count: node.holdsUp.count + 1 } };
}

function curve(parent: Placed, child: Placed, cardWidth: number): string {
  const [x1, y1, x2, y2] = [
    parent.x + cardWidth,
    parent.y + CARD_HEIGHT / 2,
    child.x,
    child.y + CARD_HEIGHT / 2,
  ];
  const bend = (x2 - x1) / 2;
  return `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

function elbow(parent: Placed, child: Placed): string {
  const x = parent.x + 8;
  return `M${x} ${parent.y + CARD_HEIGHT} V${child.y + CARD_HEIGHT / 2} H${child.x}`;
}

function moves(
  nodes: readonly Placed[],
  current: Placed,
): Readonly<Record<string, () => Placed | undefined>> {
  const index = nodes.indexOf(current);
  return {
    ArrowDown: () => nodes[index + 1],
    ArrowUp: () => nodes[index - 1],
    ArrowRight: () => nodes.find(({ parent }) => parent === current),
    ArrowLeft: () => current.parent ?? undefined,
    Home: () => nodes[0],
    End: () => nodes.at(-1),
  };
}
