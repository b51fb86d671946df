import type { JSX } from 'preact';
import { place } from '../place.js';
import { Empty } from '../parts/empty.js';
import { Problem } from '../parts/problem.js';
import { plural } from '../parts/texts.js';
import { useLook } from '../parts/use-look.js';
import { useStore } from '../store.js';
import { Ago, roughly } from '../time.js';
import type { Replica, Replicas } from '../wire.js';

/** The processes that use this library on the database, by application and host, with their connections. */
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
      {answer !== undefined && <Table answer={answer} />}
      {answer?.items.length === 0 && (
        <Empty title="No replica is connected">
          <p>No process that uses nestjs-pglock has a connection to this database.</p>
        </Empty>
      )}
      {Object.entries(groups).map(([name, replicas = []]) => (
        <Group key={name} name={name} replicas={replicas} />
      ))}
    </section>
  );
}

function Table({ answer: { tableLocks, tableSize } }: { readonly answer: Replicas }): JSX.Element {
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
        <span class="dim">
          {plural(replicas.length, 'connection')}, {plural(held, 'lock')} held, {plural(waits, 'wait')}
        </span>
      </h3>
      <div class="table-frame">
        <table>
          <thead>
            <tr>
              <th scope="col">Connection</th>
              <th scope="col">For</th>
              <th scope="col">Connected</th>
              <th scope="col">Heartbeat</th>
              <th scope="col">Holds</th>
              <th scope="col">Waits</th>
              <th scope="col">Share of the table</th>
            </tr>
          </thead>
          <tbody>
            {replicas.map((replica) => (
              <Row key={replica.pid} replica={replica} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ replica }: { readonly replica: Replica }): JSX.Element {
  const { pid, purpose, since, heartbeatAge, held, waits, share } = replica;
  const late = purpose === 'locks' && heartbeatAge !== null && heartbeatAge > 3_000 && held > 0;
  return (
    <tr>
      <th scope="row" data-label="Connection">
        <span class="pid">{pid}</span>
      </th>
      <td data-label="For">{purpose}</td>
      <td data-label="Connected">{since === null ? 'hidden' : <Ago at={since} />}</td>
      <td data-label="Heartbeat" class={late ? 'late' : ''}>
        {heartbeatAge === null ? 'hidden' : `${roughly(heartbeatAge)} ago${late ? ', late' : ''}`}
      </td>
      <td data-label="Holds">{held.toLocaleString('en')}</td>
      <td data-label="Waits">{waits}</td>
      <td data-label="Share of the table">{percent(share)}</td>
    </tr>
  );
}

function percent(share: number): string {
  if (!Number.isFinite(share) || share === 0) return '0 %';
  return share < 0.001 ? 'below 0.1 %' : `${(share * 100).toFixed(1)} %`;
}
