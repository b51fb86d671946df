import type { JSX } from 'preact';
import { follow, live } from '../live.js';
import { hrefTo, place } from '../place.js';
import { useStore } from '../store.js';
import { InfoIcon, WarningIcon } from './icons.js';
import { plural } from './texts.js';

/** What is to be known, whatever view they look at. */
export function Notices(): JSX.Element {
  const { status, trouble, now } = useStore(live);
  return (
    <div aria-live="polite">
      {status === 'reconnecting' && (
        <p class="notice notice-problem">
          <WarningIcon /> Reconnecting: the server does not answer. What you see is how it was; it goes on by
          itself.
        </p>
      )}
      {status === 'refused' && (
        <p class="notice notice-problem">
          <WarningIcon /> You may not look any more.{' '}
          <button type="button" onClick={() => follow(place.value.query['connection'])}>
            Try again
          </button>
        </p>
      )}
      {trouble !== null && (
        <p class="notice notice-problem">
          <WarningIcon /> The database cannot be asked: {trouble}. Trying again.
        </p>
      )}
      {now !== null && now.hidden > 0 && (
        <p class="notice">
          <InfoIcon /> Hidden: {plural(now.hidden, 'session')} of other roles. The connected role sees neither
          their statements nor their states; the <a href={hrefTo('doctor')}>doctor</a> says what it lacks.
        </p>
      )}
    </div>
  );
}
