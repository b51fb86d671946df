import type { JSX } from 'preact';
import { hrefTo, place } from '../place.js';
import { Empty } from '../parts/empty.js';
import { Problem } from '../parts/problem.js';
import { Table, type Column } from '../parts/table.js';
import { plural } from '../parts/texts.js';
import { useLook } from '../parts/use-look.js';
import { useStore } from '../store.js';
import { Ago, roughly, Since } from '../time.js';
import type { Leader, Replica, Replicas } from '../wire.js';

/** After so long without a heartbeat a lock session that holds something is late. */
const LATE_MS = 6_000;

/** The processes that use this library on the database, by application and host, with their connections; and who leads what. */
export function ReplicasView(): JSX.Element {
  const { query } = useStore(place);
  const { answer, error } = useLook<Replicas>('replicas', query['connection'], 2_000);
  const groups = Object.groupBy(
    answer?.items ?? [],
    ({ application, host }) => `${application ?? 'no name'} @ ${host ?? 'local socket'}`,
  );
  return (
    <section aria-labelledby="replicas-title">
      <h2 id="replicas-title">Replicas</h2>
      <Problem error={error} />
      {answer !== undefined && <LockTable answer={answer} />}
      {answer?.items.length === 0 && (
        <Empty title="No replica is connected">
          <p>No process that uses nestjs-pglock has a connection to this database.</p>
        </Empty>
      )}
      {answer !== undefined && answer.leaders.length > 0 && <Leaders leaders={answer.leaders} />}
      {Object.entries(groups).map(([name, replicas = []]) => (
        <Group key={name} name={name} replicas={replicas} />
      ))}
    </section>
  );
}

function LockTable({ answer: { tableLocks, tableSize } }: { readonly answer: Replicas }): JSX.Element {
  return (
    <p class="meter">
      <label>
        The server’s lock table: {tableLocks.toLocaleString('en')} of {tableSize.toLocaleString('en')} (
        {percent(tableLocks / tableSize)})
        <meter
          min={0}
          max={1}
          low={0.5}
          high={0.8}
          optimum={0}
          value={tableSize === 0 ? 0 : Math.min(1, tableLocks / tableSize)}
        />
      </label>
    </p>
  );
}

const LEADER_COLUMNS: readonly Column<Leader>[] = [
  {
    title: 'Name',
    cell: ({ name, key }) => (
      <a href={hrefTo('locks', `advisory:${key.classId}:${key.objId}:${key.objSubId}`)}>{name}</a>
    ),
  },
  {
    title: 'Leader',
    cell: ({ leader }) =>
      leader === null ? (
        <span class="late">none at this moment</span>
      ) : (
        <>
          <span class="pid">{leader.pid}</span> {leader.applicationName || 'no name'}{' '}
          <span class="dim">@ {leader.host}</span>
        </>
      ),
  },
  { title: 'Leads for', cell: ({ leader }) => (leader === null ? '' : <Since at={leader.since} />) },
  { title: 'Term', isNumber: true, cell: ({ leader }) => leader?.term ?? '' },
  { title: 'Standing by', isNumber: true, cell: ({ standingBy }) => standingBy },
];

function Leaders({ leaders }: { readonly leaders: readonly Leader[] }): JSX.Element {
  return (
    <section class="panel">
      <h3>Leaders</h3>
      <div class="table-frame">
        <Table columns={LEADER_COLUMNS} rows={leaders} keyOf={({ name }) => name} />
      </div>
    </section>
  );
}

const COLUMNS: readonly Column<Replica>[] = [
  { title: 'Connection', cell: ({ pid }) => <span class="pid">{pid}</span> },
  { title: 'For', cell: ({ purpose }) => purpose },
  {
    title: 'Connected',
    cell: ({ since }) => (since === null ? <span class="dim">hidden</span> : <Ago at={since} />),
  },
  {
    title: 'Heartbeat',
    classOf: (replica) => (isLate(replica) ? 'late' : ''),
    cell: (replica) =>
      replica.heartbeatAge === null ? (
        <span class="dim">hidden</span>
      ) : (
        `${roughly(replica.heartbeatAge)} ago${isLate(replica) ? ', late' : ''}`
      ),
  },
  { title: 'Holds', isNumber: true, cell: ({ held }) => held.toLocaleString('en') },
  { title: 'Waits', isNumber: true, cell: ({ waits }) => waits.toLocaleString('en') },
  { title: 'Table share', isNumber: true, cell: ({ share }) => percent(share) },
];

function isLate({ purpose, heartbeatAge, held }: Replica): boolean {
  return purpose === 'locks' && heartbeatAge !== null && heartbeatAge > LATE_MS && held > 0;
}

function Group({
  name,
  replicas,
}: {
  readonly name: string;
  readonly replicas: readonly Replica[];
}): JSX.Element {
  const held = replicas.reduce((sum, replica) => sum + replica.held, 0);
  const waits = replicas.reduce((sum, replica) => sum + replica.waits, 0);
  return (
    <section class="panel">
      <h3>
        {name}{' '}
        <span class="dim light">
          {plural(replicas.length, 'connection')}, {plural(held, 'lock')} held, {plural(waits, 'wait')}
        </span>
      </h3>
      <div class="table-frame">
        <Table columns={COLUMNS} rows={replicas} keyOf={({ pid }) => String(pid)} />
      </div>
    </section>
  );
}

function percent(share: number): string {
  if (!Number.isFinite(share) || share === 0) return '0 %';
  return share < 0.001 ? 'below 0.1 %' : `${(share * 100).toFixed(1)} %`;
}
