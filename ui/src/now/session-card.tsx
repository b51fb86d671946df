import type { JSX } from 'preact';
import { HourglassIcon, LockIcon } from '../parts/icons.js';
import {
  applicationOf,
  contextOf,
  modeText,
  oneLine,
  plural,
  waitingSince,
  whereFrom,
} from '../parts/texts.js';
import { roughly, Since } from '../time.js';
import type { TreeNode } from '../wire.js';
import { targetOf } from './target.js';

/** What a card of the drawing says about a session. */
export function SessionCard({
  node,
  hideQueries,
}: {
  readonly node: TreeNode;
  readonly hideQueries: boolean;
}): JSX.Element {
  const { activity, lock, holdsUp, cycle, preparedTransaction } = node;
  const context = contextOf(activity);
  return (
    <>
      <span class="card-head">
        <span class="pid">{preparedTransaction ?? activity.pid}</span>
        <span class="application">{applicationOf(activity)}</span>
        {holdsUp.count > 0 && (
          <span class={`tag ${lock === null || cycle ? 'tag-root' : 'tag-between'}`}>
            <LockIcon />
            {cycle ? 'in a cycle' : `holds up ${holdsUp.count}`}
          </span>
        )}
      </span>
      <span class="card-line dim">
        {whereFrom(activity)}
        {context !== null && <span class="context">{context}</span>}
      </span>
      <span class="card-line">
        {activity.state ?? 'state hidden'}
        {activity.xactStart !== null && (
          <>
            , transaction <Since at={activity.xactStart} />
          </>
        )}
      </span>
      <span class="card-line">
        {lock === null ? (
          <HeldUp node={node} />
        ) : (
          <span class="waits">
            <HourglassIcon />
            waits <Since at={waitingSince(activity, lock)} /> for <b>{modeText(lock.mode)}</b> on{' '}
            <b>{targetOf(lock)}</b>
          </span>
        )}
      </span>
      <code class="card-query">
        {activity.query === null
          ? hideQueries
            ? 'statement hidden'
            : 'statement not visible to this role'
          : oneLine(activity.query)}
      </code>
    </>
  );
}

function HeldUp({ node: { holdsUp } }: { readonly node: TreeNode }): JSX.Element {
  return (
    <span class="root-line">
      {plural(holdsUp.count, 'session waits', 'sessions wait')} behind it
      {holdsUp.longestWait !== null && `, up to ${roughly(holdsUp.longestWait)}`}
    </span>
  );
}
