import type { JSX } from 'preact';
import { hrefTo } from '../place.js';
import { Copy } from '../parts/copy.js';
import { modeText, nameOf } from '../parts/texts.js';
import { Ago, exactly, span } from '../time.js';
import type { Marker, Wait } from '../wire.js';
import { MARKER_WORDS } from './marker-words.js';

interface Properties {
  readonly wait: Wait | undefined;
  readonly marker: Marker | undefined;
  readonly close: () => void;
}

/** Who blocked whom then. */
export function EntryDetail({ wait, marker, close }: Properties): JSX.Element {
  return (
    <aside class="detail" aria-label="What happened">
      <div class="detail-head">
        <h2>{wait === undefined ? MARKER_WORDS[marker?.kind ?? 'signal'] : `Session ${wait.pid} waited`}</h2>
        <button type="button" class="quiet" onClick={close}>
          Close
        </button>
      </div>
      {wait !== undefined && <WaitDetail wait={wait} />}
      {wait === undefined && marker !== undefined && <MarkerDetail marker={marker} />}
    </aside>
  );
}

function WaitDetail({ wait }: { readonly wait: Wait }): JSX.Element {
  return (
    <>
      <dl class="facts">
        <div>
          <dt>For</dt>
          <dd>
            {modeText(wait.mode)} on <a href={hrefTo('locks', wait.lock.key)}>{wait.lock.name}</a>
          </dd>
        </div>
        <div>
          <dt>From</dt>
          <dd>{exactly(wait.from)}</dd>
        </div>
        <div>
          <dt>To</dt>
          <dd>
            {wait.to === null
              ? 'it still waits'
              : `${exactly(wait.to)}, after ${span(Date.parse(wait.to) - Date.parse(wait.from))}`}
          </dd>
        </div>
        <div>
          <dt>Application</dt>
          <dd>{nameOf(wait.application)}</dd>
        </div>
        <div>
          <dt>Role</dt>
          <dd>{wait.user ?? 'hidden'}</dd>
        </div>
      </dl>
      {wait.query !== null && <Query query={wait.query} />}
      <h3>Blocked by</h3>
      <ul class="targets">
        {wait.blockers.map((blocker) => (
          <li key={`${blocker.pid} ${blocker.from}`}>
            <div>
              <span class="pid">{blocker.pid}</span> <b>{nameOf(blocker.application)}</b>{' '}
              <span class="dim">{blocker.user ?? 'hidden role'}</span>
            </div>
            <div class="dim">
              {blocker.state ?? 'state hidden'}, seen since {exactly(blocker.from).slice(11)}
            </div>
            {blocker.query !== null && <Query query={blocker.query} />}
          </li>
        ))}
      </ul>
    </>
  );
}

function Query({ query }: { readonly query: string }): JSX.Element {
  return (
    <div class="statement">
      <pre tabIndex={0}>
        <code>{query}</code>
      </pre>
      <Copy text={query} what="statement" />
    </div>
  );
}

function MarkerDetail({ marker }: { readonly marker: Marker }): JSX.Element {
  return (
    <>
      <p>{marker.text}</p>
      <p class="dim">
        <Ago at={marker.at} />, at {exactly(marker.at)}
        {marker.by !== null && <>, asked for by {marker.by}</>}
      </p>
    </>
  );
}
