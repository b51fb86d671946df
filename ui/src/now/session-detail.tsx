import type { ComponentChildren, JSX } from 'preact';
import { askToClear } from '../clear/clearing.js';
import { Copy } from '../parts/copy.js';
import { applicationOf, modeText, plural, textOf, waitingSince } from '../parts/texts.js';
import { hrefTo, refine } from '../place.js';
import { Ago, Since } from '../time.js';
import type { Meta, TreeNode } from '../wire.js';
import { keyOf, targetOf } from './target.js';
import { idOf, rootsOf } from './way.js';

interface Properties {
  readonly node: TreeNode;
  readonly sessions: ReadonlyMap<string, TreeNode>;
  readonly meta: Meta;
}

/** Everything about the chosen session, and what can be done about it. */
export function SessionDetail({ node, sessions, meta }: Properties): JSX.Element {
  const { activity, lock, blockedBy, holdsUp, preparedTransaction } = node;
  const roots = lock === null ? [] : rootsOf(idOf(node), sessions);
  return (
    <aside class="detail" aria-label={`Session ${idOf(node)}`}>
      <div class="detail-head">
        <h2>
          {preparedTransaction === null
            ? `Session ${activity.pid}`
            : `Prepared transaction ${preparedTransaction}`}
          {preparedTransaction === null && <Copy text={String(activity.pid)} what="process id" />}
        </h2>
        <button type="button" class="quiet" onClick={() => refine({ session: undefined })}>
          Close
        </button>
      </div>
      <dl class="facts">
        <Fact name="Application">{applicationOf(activity)}</Fact>
        <Fact name="Role">{activity.user ?? 'hidden'}</Fact>
        <Fact name="Host">{activity.clientAddress ?? 'local socket'}</Fact>
        {activity.context !== null &&
          Object.entries(activity.context).map(([key, value]) => (
            <Fact key={key} name={key}>
              {textOf(value)}
            </Fact>
          ))}
        <Fact name="State">{activity.state ?? 'hidden from this role'}</Fact>
        {activity.xactStart !== null && (
          <Fact name="Transaction">
            began <Ago at={activity.xactStart} />
          </Fact>
        )}
        {activity.backendStart !== null && (
          <Fact name="Connected">
            <Ago at={activity.backendStart} />
          </Fact>
        )}
        {lock !== null && (
          <Fact name="Waits for">
            {modeText(lock.mode)} on <a href={hrefTo('locks', keyOf(lock))}>{targetOf(lock)}</a>, for{' '}
            <Since at={waitingSince(activity, lock)} />
          </Fact>
        )}
        {blockedBy.length > 0 && (
          <Fact name="Behind">
            {blockedBy.map((pid, index) => (
              <span key={pid}>
                {index > 0 && ', '}
                <a href={hrefTo('now', undefined, { session: String(pid) })}>
                  {pid === 0 ? 'a prepared transaction' : pid}
                </a>
              </span>
            ))}
          </Fact>
        )}
        <Fact name="Holds up">{holdsUp.count === 0 ? 'no session' : plural(holdsUp.count, 'session')}</Fact>
      </dl>
      <Statement query={activity.query} hidden={meta.hideQueries} />
      <Commands node={node} />
      {meta.allowSignals && meta.mode === 'live' && <Actions node={node} roots={roots} />}
      {!meta.allowSignals && meta.mode === 'live' && (
        <p class="dim">This page is read-only: nothing can be ended from here.</p>
      )}
    </aside>
  );
}

function Fact({
  name,
  children,
}: {
  readonly name: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Statement({
  query,
  hidden,
}: {
  readonly query: string | null;
  readonly hidden: boolean;
}): JSX.Element {
  if (query === null)
    return (
      <p class="dim">
        {hidden ? 'Statements are hidden on this page.' : 'The connected role may not see its statement.'}
      </p>
    );
  return (
    <section class="statement">
      <h3>
        Statement <Copy text={query} what="statement" />
      </h3>
      <pre tabIndex={0}>
        <code>{query}</code>
      </pre>
    </section>
  );
}

function Commands({ node: { activity, preparedTransaction } }: { readonly node: TreeNode }): JSX.Element {
  const command =
    preparedTransaction === null
      ? `npx pglock ${activity.pid} -e`
      : `ROLLBACK PREPARED '${preparedTransaction.replaceAll("'", "''")}'`;
  return (
    <p class="command">
      <span class="dim">{preparedTransaction === null ? 'In a terminal:' : 'It has no session to end:'}</span>{' '}
      <code>{command}</code>
      <Copy text={command} what="command" />
    </p>
  );
}

function Actions({
  node,
  roots,
}: {
  readonly node: TreeNode;
  readonly roots: readonly TreeNode[];
}): JSX.Element | null {
  const ended = roots.filter(({ preparedTransaction }) => preparedTransaction === null);
  if (node.preparedTransaction !== null) return null;
  return (
    <div class="actions">
      {ended.length > 0 && (
        <button
          type="button"
          class="primary"
          onClick={() => askToClear('terminate', ended, `Clear the way for session ${node.activityId}`)}
        >
          Clear the way… ({plural(ended.length, 'root')})
        </button>
      )}
      <button type="button" onClick={() => askToClear('cancel', [node])}>
        Cancel statement…
      </button>
      <button type="button" class="danger" onClick={() => askToClear('terminate', [node])}>
        Terminate session…
      </button>
    </div>
  );
}
