import type { JSX } from 'preact';
import { modeText, nameOf } from '../parts/texts.js';
import { exactly, span } from '../time.js';
import type { Marker, Wait } from '../wire.js';
import { endOf } from './lanes.js';
import { MARKER_WORDS } from './marker-words.js';

interface Properties {
  readonly waits: readonly Wait[];
  readonly markers: readonly Marker[];
  readonly now: number;
  readonly chosen: string | undefined;
  readonly choose: (id: string) => void;
}

const MOST = 60;

/** The same in words, the latest first: for keyboards, for screen readers, and for those who prefer lists. */
export function EntryList({ waits, markers, now, chosen, choose }: Properties): JSX.Element | null {
  const entries = [
    ...waits.map((wait) => ({ id: wait.id, at: wait.from, text: waitText(wait, now), kind: 'wait' })),
    ...markers.map((marker) => ({
      id: marker.id,
      at: marker.at,
      text: marker.text,
      kind: MARKER_WORDS[marker.kind],
    })),
  ].sort((one, other) => other.at.localeCompare(one.at));
  if (entries.length === 0) return null;
  return (
    <section aria-labelledby="entries-title">
      <h3 id="entries-title">In words</h3>
      <ul class="entries">
        {entries.slice(0, MOST).map(({ id, at, text, kind }) => (
          <li key={id}>
            <button type="button" class="entry" aria-pressed={id === chosen} onClick={() => choose(id)}>
              <time dateTime={at} title={exactly(at)}>
                {exactly(at).slice(11, 19)}
              </time>
              <span class="kind">{kind}</span>
              <span class="entry-text">{text}</span>
            </button>
          </li>
        ))}
      </ul>
      {entries.length > MOST && (
        <p class="dim">and {entries.length - MOST} earlier: zoom in, or go back in time.</p>
      )}
    </section>
  );
}

function waitText(wait: Wait, now: number): string {
  const long = span(endOf(wait, now) - Date.parse(wait.from));
  const behind = wait.blockers.map(({ pid, application }) => `${nameOf(application)} (${pid})`).join(', ');
  const who = `${nameOf(wait.application)} (${wait.pid})`;
  return `${who} ${wait.to === null ? 'has waited' : 'waited'} ${long} for ${modeText(wait.mode)} on ${wait.lock.name}, behind ${behind || 'no session that could be seen'}`;
}
