import type { JSX } from 'preact';
import { live, type Status } from '../live.js';
import { hrefTo, place } from '../place.js';
import { useStore } from '../store.js';
import { exactly } from '../time.js';
import type { Meta, TreeNode } from '../wire.js';
import { ThemeButton } from './theme.js';

const VIEWS = [
  ['now', 'Now'],
  ['locks', 'Locks'],
  ['jobs', 'Jobs'],
  ['timeline', 'Timeline'],
  ['replicas', 'Replicas'],
  ['doctor', 'Doctor'],
] as const;

const WORDS: Readonly<Record<Status, string>> = {
  connecting: 'connecting…',
  live: 'live',
  reconnecting: 'reconnecting…',
  refused: 'not allowed any more',
  replay: 'recording',
};

export function Header({ meta, view }: { readonly meta: Meta; readonly view: string }): JSX.Element {
  const { now } = useStore(live);
  const waiting = now === null ? 0 : waitersIn(now.items);
  return (
    <header>
      <div class="bar">
        <h1>
          <img
            src={document.querySelector<HTMLLinkElement>('link[rel="icon"]')?.href ?? ''}
            alt=""
            width="22"
            height="22"
          />{' '}
          pglock
        </h1>
        <Connection meta={meta} />
        <Live />
        {meta.viewer !== null && <span class="viewer">{meta.viewer}</span>}
        <span class={meta.allowSignals ? 'mode mode-acts' : 'mode'}>
          {meta.mode === 'replay' ? 'recording' : meta.allowSignals ? 'signals on' : 'read-only'}
        </span>
        <ThemeButton />
      </div>
      <nav aria-label="Views">
        {VIEWS.map(([name, title]) => (
          <a key={name} href={hrefTo(name)} aria-current={view === name ? 'page' : undefined}>
            {title}
            {name === 'now' && waiting > 0 && <span class="count">{waiting}</span>}
          </a>
        ))}
      </nav>
    </header>
  );
}

function Connection({ meta }: { readonly meta: Meta }): JSX.Element {
  const { query, view } = useStore(place);
  const current = query['connection'] ?? meta.connections[0] ?? '';
  if (meta.connections.length < 2) return <span class="connection">{current}</span>;
  const change = (name: string) => {
    location.hash = hrefTo(view, undefined, { connection: name });
  };
  return (
    <select aria-label="Database" value={current} onChange={(event) => change(event.currentTarget.value)}>
      {meta.connections.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}

function Live(): JSX.Element {
  const { status, now } = useStore(live);
  return (
    <span class={`live live-${status}`}>
      <span class="dot" aria-hidden="true" />
      <span role="status">{WORDS[status]}</span>
      {now !== null && (
        <time dateTime={now.at} title={exactly(now.at)} class="at">
          {exactly(now.at).slice(11, 19)}
        </time>
      )}
    </span>
  );
}

function waitersIn(roots: readonly TreeNode[]): number {
  const waiters = new Set<number>();
  const walk = [...roots];
  for (let node = walk.pop(); node !== undefined; node = walk.pop()) {
    if (node.lock !== null) waiters.add(node.activityId);
    walk.push(...node.blocked);
  }
  return waiters.size;
}
