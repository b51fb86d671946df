import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { get, Refused } from './api.js';
import { ClearDialog } from './clear/clear-dialog.js';
import { DoctorView } from './doctor/doctor-view.js';
import { JobsView } from './jobs/jobs-view.js';
import { follow } from './live.js';
import { LocksView } from './locks/locks-view.js';
import { NowView } from './now/now-view.js';
import { Header } from './parts/header.js';
import { Notices } from './parts/notices.js';
import { ReplayBar } from './parts/replay-bar.js';
import { place } from './place.js';
import { ReplicasView } from './replicas/replicas-view.js';
import { boundsOf, showInstant } from './replay.js';
import { useStore } from './store.js';
import { TimelineView } from './timeline/timeline-view.js';
import type { Meta } from './wire.js';

/** The page: it learns what there is to see, follows it, and shows one view of it. */
export function App(): JSX.Element {
  const { view, query } = useStore(place);
  const { meta, refused } = useMeta(query['connection']);
  const connection = query['connection'];
  useEffect(() => {
    if (meta === undefined) return;
    const bounds = boundsOf(meta);
    if (bounds === null) follow(connection);
    else void showInstant(Date.parse(query['at'] ?? '') || bounds.from, connection);
  }, [meta === undefined, connection]);
  useEffect(() => {
    document.title = `${TITLES[view] ?? 'Now'} · pglock`;
  }, [view]);
  if (refused !== undefined)
    return (
      <main class="refused">
        <h1>You may not look here</h1>
        <p>{refused}</p>
      </main>
    );
  if (meta === undefined) return <p class="loading">Loading pglock…</p>;
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <Header meta={meta} view={view} />
      <main id="main" tabIndex={-1}>
        <Notices />
        <View view={view} meta={meta} />
      </main>
      <ReplayBar meta={meta} />
      <ClearDialog />
    </>
  );
}

const TITLES: Readonly<Record<string, string>> = {
  now: 'Now',
  locks: 'Locks',
  jobs: 'Jobs',
  timeline: 'Timeline',
  replicas: 'Replicas',
  doctor: 'Doctor',
};

function View({ view, meta }: { readonly view: string; readonly meta: Meta }): JSX.Element {
  switch (view) {
    case 'locks':
      return <LocksView />;
    case 'jobs':
      return <JobsView meta={meta} />;
    case 'timeline':
      return <TimelineView meta={meta} />;
    case 'replicas':
      return <ReplicasView />;
    case 'doctor':
      return <DoctorView />;
    default:
      return <NowView meta={meta} />;
  }
}

/** Moves the keyboard without leaving the place that the address says. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

function useMeta(connection: string | undefined): {
  readonly meta: Meta | undefined;
  readonly refused: string | undefined;
} {
  const [meta, setMeta] = useState<Meta>();
  const [refused, setRefused] = useState<string>();
  useEffect(() => {
    let timer: number | undefined;
    const ask = async () => {
      try {
        setMeta(await get<Meta>('meta', { connection }));
        setRefused(undefined);
      } catch (error) {
        if (error instanceof Refused && error.status < 500) setRefused(error.message);
        else timer = window.setTimeout(() => void ask(), 1_000);
      }
    };
    void ask();
    return () => clearTimeout(timer);
  }, [connection]);
  return { meta, refused };
}
