import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { hrefTo, place, refine } from '../place.js';
import { Empty } from '../parts/empty.js';
import { Problem } from '../parts/problem.js';
import { Table, type Column } from '../parts/table.js';
import { applicationOf, modeText, plural } from '../parts/texts.js';
import { useLook } from '../parts/use-look.js';
import { useStore } from '../store.js';
import { Since } from '../time.js';
import type { Locks } from '../wire.js';
import { groupsOf, matches, SORTS, type LockGroup, type SortName } from './lock-groups.js';
import { LockPage } from './lock-page.js';

const MOST_ROWS = 250;

interface SortedColumn extends Column<LockGroup> {
  readonly name: SortName;
}

const COLUMNS: readonly SortedColumn[] = [
  {
    name: 'name',
    title: 'Lock',
    cell: ({ key, name, kind }) => (
      <>
        <a href={hrefTo('locks', key)} class="lock-name">
          {name}
        </a>{' '}
        <span class="kind">{kind}</span>
      </>
    ),
  },
  {
    name: 'mode',
    title: 'Mode',
    cell: ({ mode, awaited }) => (
      <>
        {modeText(mode)}
        {awaited !== null && awaited !== mode && <span class="dim"> awaited: {modeText(awaited)}</span>}
      </>
    ),
  },
  { name: 'holder', title: 'Held by', cell: ({ holders }) => <Holders holders={holders} /> },
  {
    name: 'since',
    title: 'Held for',
    cell: ({ since }) => (since === null ? <span class="dim">not known</span> : <Since at={since} />),
  },
  { name: 'waiters', title: 'Waiters', cell: (group) => <Waiters group={group} /> },
];

function Holders({ holders }: Pick<LockGroup, 'holders'>): JSX.Element {
  const [first] = holders;
  if (first === undefined) return <span class="dim">no session</span>;
  return (
    <>
      <span class="pid">{first.activity.pid}</span> {applicationOf(first.activity)}
      {holders.length > 1 && <span class="dim"> and {holders.length - 1} more</span>}
    </>
  );
}

function Waiters({ group: { waiters, waitsSince, within } }: { readonly group: LockGroup }): JSX.Element {
  if (waiters.length === 0 && within === 0) return <span class="dim">none</span>;
  return (
    <>
      {waiters.length > 0 && <b>{waiters.length}</b>}
      {waitsSince !== null && (
        <>
          , <Since at={waitsSince} />
        </>
      )}
      {within > 0 && (
        <span class="dim">
          {waiters.length > 0 && ', and '}
          {within} within the holder
        </span>
      )}
    </>
  );
}

/** Who holds what, and who waits for it: by names and tables rather than by rows of `pg_locks`. */
export function LocksView(): JSX.Element {
  const { item, query } = useStore(place);
  const { answer, error } = useLook<Locks>('locks', query['connection'], 2_000);
  const groups = useMemo(() => groupsOf(answer?.items ?? []), [answer]);
  if (item !== undefined)
    return (
      <LockPage lockKey={item} group={groups.find(({ key }) => key === item)} loaded={answer !== undefined} />
    );
  const words = query['q'] ?? '';
  const kind = query['kind'] ?? '';
  const sort = isSort(query['sort']) ? query['sort'] : 'waiters';
  const found = groups
    .filter(
      (group) =>
        (kind === '' || group.kind === kind) &&
        (kind !== '' || words !== '' || !isIndex(group)) &&
        (words === '' || matches(group, words)),
    )
    .sort(SORTS[sort]);
  return (
    <section aria-labelledby="locks-title">
      <h2 id="locks-title" class="visually-hidden">
        Locks
      </h2>
      <div class="toolbar">
        <input
          type="search"
          aria-label="Search locks"
          placeholder="Search lock, application, pid, host…"
          value={words}
          onInput={(event) => refine({ q: event.currentTarget.value })}
        />
        <select
          aria-label="Kind of lock"
          value={kind}
          onChange={(event) => refine({ kind: event.currentTarget.value })}
        >
          <option value="">All but indexes</option>
          <option value="advisory">Advisory</option>
          <option value="table">Tables and indexes</option>
          <option value="row">Rows</option>
          <option value="transaction">Transactions</option>
          <option value="other">Other</option>
        </select>
        <span class="dim" role="status">
          {answer === undefined ? '' : plural(found.length, 'lock')}
          {answer?.truncated === true && ', of the first 2,000 rows'}
        </span>
      </div>
      <Problem error={error} />
      {answer !== undefined && found.length === 0 ? (
        <Empty title={groups.length === 0 ? 'Nothing is locked' : 'Nothing matches'}>
          <p>
            {groups.length === 0
              ? 'No session holds a lock, but for those that every statement takes.'
              : 'Change the search, or the kind.'}
          </p>
        </Empty>
      ) : (
        <div class="table-frame">
          <Table
            caption="Locks, who holds them and who waits"
            columns={COLUMNS.map((column) => sortable(column, sort))}
            rows={found.slice(0, MOST_ROWS)}
            keyOf={({ key }) => key}
            classOf={({ waiters }) => (waiters.length > 0 ? 'has-waiters' : '')}
          />
          {found.length > MOST_ROWS && (
            <p class="dim">and {found.length - MOST_ROWS} more: search for them.</p>
          )}
        </div>
      )}
    </section>
  );
}

function isSort(name: string | undefined): name is SortName {
  return name !== undefined && Object.hasOwn(SORTS, name);
}

function isIndex({ relKind, waiters }: LockGroup): boolean {
  return (
    waiters.length === 0 && (relKind === 'INDEX' || relKind === 'PARTITIONED_INDEX' || relKind === 'TOAST')
  );
}

function sortable(column: SortedColumn, sort: SortName): Column<LockGroup> {
  const { name, title } = column;
  return {
    ...column,
    sorted: sort === name ? 'descending' : 'none',
    head: (
      <button type="button" class="sort" onClick={() => refine({ sort: name })}>
        {title} {sort === name && <span aria-hidden="true">▾</span>}
      </button>
    ),
  };
}
