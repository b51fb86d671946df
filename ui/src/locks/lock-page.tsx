import type { JSX } from 'preact';
import { live } from '../live.js';
import { hrefTo } from '../place.js';
import { Copy } from '../parts/copy.js';
import { Table, type Column } from '../parts/table.js';
import { applicationOf, modeText, nameOf, oneLine, plural, waitingSince, whereFrom } from '../parts/texts.js';
import { useStore } from '../store.js';
import { Ago, Since, span } from '../time.js';
import type { ShownLock, Wait } from '../wire.js';
import type { LockGroup } from './lock-groups.js';

interface Properties {
  readonly lockKey: string;
  readonly group: LockGroup | undefined;
  readonly loaded: boolean;
}

/** One lock: who holds it, who waits, and who blocked whom as far back as is remembered. */
export function LockPage({ lockKey, group, loaded }: Properties): JSX.Element {
  const { waits } = useStore(live);
  const past = [...waits.values()]
    .filter(({ lock }) => lock.key === lockKey)
    .sort((one, other) => other.from.localeCompare(one.from));
  const { advisoryKey = null } = group ?? {};
  const name = group?.name ?? past[0]?.lock.name ?? lockKey.replace(/^[^:]*:/, '');
  return (
    <section aria-labelledby="lock-title">
      <p>
        <a href={hrefTo('locks')}>All locks</a>
      </p>
      <h2 id="lock-title" class="lock-title">
        {name} <span class="kind">{group?.kind ?? lockKey.split(':')[0]}</span>
        <Copy text={name} what="name of the lock" />
      </h2>
      {advisoryKey !== null && (
        <p class="dim">
          {group?.named} In pg_locks: classid {advisoryKey.classId}, objid {advisoryKey.objId}, objsubid{' '}
          {advisoryKey.objSubId}
        </p>
      )}
      <h3>
        Held by{' '}
        {group === undefined || group.holders.length === 0
          ? 'no session'
          : plural(group.holders.length, 'session')}
      </h3>
      {!loaded && <p class="dim">Looking…</p>}
      {group !== undefined && group.holders.length > 0 && <Sessions locks={group.holders} />}
      <h3>
        Awaited by{' '}
        {group === undefined || group.waiters.length === 0
          ? 'no session'
          : plural(group.waiters.length, 'session')}
      </h3>
      {group !== undefined && group.waiters.length > 0 && <Sessions locks={group.waiters} />}
      <h3>Last holders, and the sessions that waited for them</h3>
      {past.length === 0 ? (
        <p class="dim">No session has been seen waiting for it.</p>
      ) : (
        <Past waits={past.slice(0, 100)} />
      )}
    </section>
  );
}

const COLUMNS: readonly Column<ShownLock>[] = [
  {
    title: 'Session',
    cell: ({ activityId, activity, preparedTransaction }) => (
      <>
        <a class="pid" href={hrefTo('now', undefined, { session: String(activityId) })}>
          {preparedTransaction ?? activityId}
        </a>{' '}
        {applicationOf(activity)} <span class="dim">{whereFrom(activity)}</span>
      </>
    ),
  },
  { title: 'Mode', cell: ({ mode }) => modeText(mode) },
  { title: 'State', cell: ({ activity }) => activity.state ?? 'hidden' },
  { title: 'Since', cell: (lock) => <SinceWhen lock={lock} /> },
  {
    title: 'Statement',
    cell: ({ activity }) => (
      <code class="cell-query">{activity.query === null ? 'hidden' : oneLine(activity.query)}</code>
    ),
  },
];

function Sessions({ locks }: { readonly locks: readonly ShownLock[] }): JSX.Element {
  return (
    <div class="table-frame">
      <Table
        columns={COLUMNS}
        rows={locks}
        keyOf={({ activityId, mode }, index) => `${activityId} ${mode} ${index}`}
      />
    </div>
  );
}

/** The server does not tell since when a lock is held; its holder may, and its transaction is no younger. */
function SinceWhen({ lock }: { readonly lock: ShownLock }): JSX.Element {
  const { granted, heldSince, waitingWithin, activity } = lock;
  if (!granted)
    return (
      <>
        waits <Since at={waitingSince(activity, lock)} />
      </>
    );
  if (heldSince === null && activity.xactStart === null) return <span class="dim">not known</span>;
  return (
    <>
      {heldSince === null ? 'transaction ' : 'held '}
      <Since at={heldSince ?? activity.xactStart} />
      {waitingWithin > 0 && (
        <span class="dim">; {plural(waitingWithin, 'call')} of its process wait for it</span>
      )}
    </>
  );
}

function Past({ waits }: { readonly waits: readonly Wait[] }): JSX.Element {
  return (
    <ul class="past">
      {waits.map((wait) => (
        <li key={wait.id}>
          <Ago at={wait.from} />: <span class="pid">{wait.pid}</span> {nameOf(wait.application)} waited for{' '}
          {modeText(wait.mode)},{' '}
          {wait.to === null ? 'and still does' : span(Date.parse(wait.to) - Date.parse(wait.from))}, behind{' '}
          {wait.blockers.map(({ pid, application }) => `${nameOf(application)} (${pid})`).join(', ') ||
            'no session that could be seen'}
        </li>
      ))}
    </ul>
  );
}
