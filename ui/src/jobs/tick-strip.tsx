import type { JSX } from 'preact';
import { plural } from '../parts/texts.js';
import { exactly, span } from '../time.js';
import type { Tick } from '../wire.js';

/** Shapes as well as colours: the colours must not be needed. */
const SHAPES: Readonly<Record<string, string>> = {
  ok: 'M2 2h8v16h-8Z',
  failed: 'M2 2l8 16M10 2l-8 16',
  late: 'M6 2l4 16h-8Z',
  other: 'M3 8h6v6h-6Z',
};

/** The last runs, the newest at the right. */
export function TickStrip({ ticks }: { readonly ticks: readonly Tick[] }): JSX.Element | null {
  if (ticks.length === 0) return null;
  const failed = ticks.filter((tick) => kindOf(tick) === 'failed').length;
  const label = `Last ${plural(ticks.length, 'run')}: ${failed === 0 ? 'none failed' : `${failed} failed`}`;
  return (
    <div class="strip" role="img" aria-label={label}>
      {ticks.map((tick) => (
        <svg
          key={tick.startedAt}
          viewBox="0 0 12 20"
          width="10"
          height="18"
          class={`tick tick-${kindOf(tick)}`}
          aria-hidden="true"
        >
          <title>{titleOf(tick)}</title>
          <path d={SHAPES[kindOf(tick)] ?? ''} />
        </svg>
      ))}
    </div>
  );
}

function kindOf({ outcome, late }: Tick): 'ok' | 'failed' | 'late' | 'other' {
  if (outcome === null) return 'other';
  if (outcome !== 'succeeded') return 'failed';
  return late >= 1_000 ? 'late' : 'ok';
}

function titleOf({ startedAt, duration, outcome, late }: Tick): string {
  const parts = [
    exactly(startedAt),
    outcome ?? 'not ended',
    duration === null ? '' : span(duration),
    late >= 1_000 ? `${span(late)} late` : '',
  ];
  return parts.filter(Boolean).join(', ');
}
