import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { live } from '../live.js';
import { place, refine } from '../place.js';
import { Empty } from '../parts/empty.js';
import { plural } from '../parts/texts.js';
import { useWidth } from '../parts/use-width.js';
import { useStore } from '../store.js';
import { Ago } from '../time.js';
import type { Meta, TreeNode } from '../wire.js';
import { drawingOf, type Opened } from './layout.js';
import { SessionDetail } from './session-detail.js';
import { TreeDrawing } from './tree-drawing.js';
import { sessionsOf, wayFrom } from './way.js';

/** Who waits for whom at this moment, as a drawing, roots first. */
export function NowView({ meta }: { readonly meta: Meta }): JSX.Element {
  const { now } = useStore(live);
  const { query } = useStore(place);
  const [opened, setOpened] = useState<Opened>(new Set());
  const [frame, width] = useWidth();
  const roots = now?.items ?? NONE;
  const sessions = useMemo(() => sessionsOf(roots), [roots]);
  const chosen = query['session'];
  const way = useMemo(
    () => (chosen === undefined ? NO_SESSIONS : wayFrom(chosen, sessions)),
    [chosen, sessions],
  );
  const drawing = useMemo(() => drawingOf(roots, opened, width), [roots, opened, width]);
  const node = chosen === undefined ? undefined : sessions.get(chosen);
  return (
    <div class="now">
      <Summary roots={roots} waiting={sessions.size - roots.filter(({ lock }) => lock === null).length} />
      <div class={node === undefined ? 'split' : 'split with-detail'}>
        <div ref={frame} class="tree-frame">
          {roots.length === 0 ? (
            <NoWaits />
          ) : (
            <TreeDrawing
              drawing={drawing}
              chosen={chosen}
              way={way}
              hideQueries={meta.hideQueries}
              choose={(session) => refine({ session })}
              open={(key) => setOpened(new Set([...opened, key]))}
            />
          )}
        </div>
        {node !== undefined && <SessionDetail node={node} sessions={sessions} meta={meta} />}
        {node === undefined && chosen !== undefined && roots.length > 0 && (
          <p class="notice" role="status">
            Session {chosen} neither waits nor is in anybody’s way any more.
          </p>
        )}
      </div>
    </div>
  );
}

const NONE: readonly TreeNode[] = [];
const NO_SESSIONS: ReadonlySet<string> = new Set();

function Summary({
  roots,
  waiting,
}: {
  readonly roots: readonly TreeNode[];
  readonly waiting: number;
}): JSX.Element {
  const behind =
    roots.length === 0
      ? ''
      : `${plural(waiting, 'session waits', 'sessions wait')} behind ${plural(roots.length, 'root')}`;
  return (
    <p class="summary" role="status" aria-live="polite">
      {behind}
    </p>
  );
}

function NoWaits(): JSX.Element {
  const { now } = useStore(live);
  if (now === null) return <Empty title="Looking…" />;
  return (
    <Empty title="No session waits">
      {now.lastWaitAt === null ? (
        <p>No session has been seen waiting for a lock since the dashboard began sampling.</p>
      ) : (
        <p>
          A session last waited <Ago at={now.lastWaitAt} />.
        </p>
      )}
      <p class="dim">{plural(now.sessions, 'session')} of this database.</p>
    </Empty>
  );
}
