import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { boundsOf, replayed, showInstant } from '../replay.js';
import { place, refine } from '../place.js';
import { useStore } from '../store.js';
import { exactly } from '../time.js';
import type { Meta } from '../wire.js';
import { PauseIcon, PlayIcon } from './icons.js';

const SPEEDS = [1, 5, 20];
const STEP_MS = 500;

/** The slider of a recording: from its first to its last instant, by hand or by itself. */
export function ReplayBar({ meta }: { readonly meta: Meta }): JSX.Element | null {
  const at = useStore(replayed);
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(1);
  const bounds = boundsOf(meta);
  const { connection } = place.value.query;
  const go = (to: number) => {
    if (bounds === null) return;
    const within = Math.min(Math.max(to, bounds.from), bounds.to);
    refine({ at: new Date(within).toISOString() });
    void showInstant(within, connection);
  };
  useEffect(() => {
    if (!playing || bounds === null) return undefined;
    const timer = setInterval(() => {
      const next = (replayed.value ?? bounds.from) + 500 * speed;
      go(next);
      if (next >= bounds.to) setPlaying(false);
    }, 500);
    return () => clearInterval(timer);
  }, [playing, speed]);
  if (bounds === null) return null;
  const current = at ?? bounds.from;
  return (
    <div class="replay" role="group" aria-label="Recording">
      <button type="button" onClick={() => setPlaying(!playing)}>
        {playing ? <PauseIcon /> : <PlayIcon />} {playing ? 'Pause' : 'Play'}
      </button>
      <select
        aria-label="Speed"
        value={String(speed)}
        onChange={(event) => setSpeed(Number(event.currentTarget.value))}
      >
        {SPEEDS.map((each) => (
          <option key={each} value={String(each)}>
            {each} ×
          </option>
        ))}
      </select>
      <input
        type="range"
        aria-label="Instant of the recording"
        aria-valuetext={exactly(current)}
        min={bounds.from}
        max={bounds.from + Math.ceil((bounds.to - bounds.from) / STEP_MS) * STEP_MS}
        step={STEP_MS}
        value={current}
        onInput={(event) => go(Number(event.currentTarget.value))}
      />
      <output>{exactly(current).slice(0, 19)}</output>
    </div>
  );
}
