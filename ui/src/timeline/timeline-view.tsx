import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { live } from '../live.js';
import { place, refine } from '../place.js';
import { Empty } from '../parts/empty.js';
import { PauseIcon, PlayIcon } from '../parts/icons.js';
import { plural } from '../parts/texts.js';
import { useWidth } from '../parts/use-width.js';
import { useStore } from '../store.js';
import { clock, span } from '../time.js';
import type { Marker, Meta, Wait } from '../wire.js';
import { EntryDetail } from './entry-detail.js';
import { EntryList } from './entry-list.js';
import { barTop, endOf, lanesOf, ROW, type Lane } from './lanes.js';
import { AXIS, MARKS, paint, timeAt, xOf, type Window } from './paint.js';

const SPANS = [60_000, 300_000, 900_000, 3_600_000, 14_400_000, 86_400_000];
const MOST_LANES = 60;

/** Who waited for what, and when: a lane a lock, over as much time as is remembered. */
export function TimelineView({ meta }: { readonly meta: Meta }): JSX.Element {
  const { waits, markers } = useStore(live);
  const { query } = useStore(place);
  const ticking = useStore(clock);
  const [paused, setPaused] = useState<number>();
  const [frame, width] = useWidth();
  const now = paused ?? ticking;
  const lengthMs = Math.min(Number(query['span']) || 300_000, Math.max(...SPANS));
  const to = Number(query['until']) || now + lengthMs * 0.02;
  const view: Window = { from: to - lengthMs, to, width };
  const within = useMemo(
    () =>
      [...waits.values()].filter((wait) => Date.parse(wait.from) <= view.to && endOf(wait, now) >= view.from),
    [waits, view.to, lengthMs],
  );
  const lanes = useMemo(() => lanesOf(within, now).slice(0, MOST_LANES), [within]);
  const seen = markers.filter(({ at }) => Date.parse(at) >= view.from && Date.parse(at) <= view.to);
  const chosen = query['entry'];
  const wait = chosen === undefined ? undefined : waits.get(chosen);
  const marker = markers.find(({ id }) => id === chosen);
  const choose = (entry: string | undefined) => refine({ entry });
  const zoom = (factor: number) => {
    const next =
      SPANS[Math.min(Math.max(SPANS.findIndex((each) => each >= lengthMs) + factor, 0), SPANS.length - 1)];
    refine({ span: String(next) });
  };
  const pan = (share: number) =>
    refine({ until: String(Math.min(to + lengthMs * share, ticking + lengthMs * 0.02)) });
  return (
    <section aria-labelledby="timeline-title">
      <h2 id="timeline-title" class="visually-hidden">
        Timeline
      </h2>
      <div class="toolbar">
        {meta.mode === 'live' && (
          <button
            type="button"
            aria-pressed={paused !== undefined || query['until'] !== undefined}
            onClick={() => {
              const still = paused !== undefined || query['until'] !== undefined;
              setPaused(still ? undefined : ticking);
              if (still) refine({ until: undefined });
            }}
          >
            {paused === undefined && query['until'] === undefined ? <PauseIcon /> : <PlayIcon />}{' '}
            {paused === undefined && query['until'] === undefined ? 'Pause' : 'Go on'}
          </button>
        )}
        <button type="button" onClick={() => pan(-0.5)} aria-label="Earlier">
          ←
        </button>
        <button type="button" onClick={() => pan(0.5)} aria-label="Later">
          →
        </button>
        <button
          type="button"
          onClick={() => zoom(-1)}
          aria-label="Zoom in"
          disabled={lengthMs <= (SPANS[0] ?? 0)}
        >
          +
        </button>
        <button
          type="button"
          onClick={() => zoom(1)}
          aria-label="Zoom out"
          disabled={lengthMs >= (SPANS.at(-1) ?? 0)}
        >
          −
        </button>
        <span class="dim">
          {span(lengthMs)}; {plural(within.length, 'wait')}, {plural(seen.length, 'event')}; remembered for{' '}
          {span(meta.historyMs)}
        </span>
      </div>
      <div class={wait === undefined && marker === undefined ? 'split' : 'split with-detail'}>
        <div>
          <div ref={frame} class="timeline-frame">
            {lanes.length === 0 && seen.length === 0 ? (
              <Empty title="Nothing happened">
                <p>
                  No session waited for a lock in this period
                  {meta.historyMs < 3_600_000 ? ', as far as a page was open' : ''}.
                </p>
              </Empty>
            ) : (
              <Chart
                lanes={lanes}
                markers={seen}
                view={view}
                now={now}
                chosen={chosen}
                choose={choose}
                zoom={zoom}
                pan={pan}
              />
            )}
          </div>
          <EntryList waits={within} markers={seen} now={now} chosen={chosen} choose={choose} />
        </div>
        {(wait !== undefined || marker !== undefined) && (
          <EntryDetail wait={wait} marker={marker} close={() => choose(undefined)} />
        )}
      </div>
    </section>
  );
}

interface ChartProperties {
  readonly lanes: readonly Lane[];
  readonly markers: readonly Marker[];
  readonly view: Window;
  readonly now: number;
  readonly chosen: string | undefined;
  readonly choose: (id: string | undefined) => void;
  readonly zoom: (by: number) => void;
  readonly pan: (share: number) => void;
}

function Chart({ lanes, markers, view, now, chosen, choose, zoom, pan }: ChartProperties): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const last = lanes.at(-1);
  const height = AXIS + MARKS + (last === undefined ? 40 : last.y + last.height);
  useEffect(() => {
    const request = requestAnimationFrame(() => {
      if (canvas.current !== null)
        paint(canvas.current, { lanes, markers, window: view, now, chosen, height });
    });
    return () => cancelAnimationFrame(request);
  });
  const pressed = (event: KeyboardEvent) => {
    const moves: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => pan(-0.2),
      ArrowRight: () => pan(0.2),
      '+': () => zoom(-1),
      '-': () => zoom(1),
    };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    move();
  };
  return (
    <canvas
      ref={canvas}
      class="chart"
      role="img"
      tabIndex={0}
      aria-label={`${lanes.length} locks that were waited for. The list below says the same in words. Arrows move, plus and minus zoom.`}
      style={{ width: `${view.width}px`, height: `${height}px` }}
      onKeyDown={pressed}
      onClick={(event) => choose(hit(lanes, markers, view, now, event.offsetX, event.offsetY))}
      onWheel={(event) => {
        if (!event.ctrlKey && !event.shiftKey) return;
        event.preventDefault();
        if (event.ctrlKey) zoom(event.deltaY > 0 ? 1 : -1);
        else pan(event.deltaY > 0 ? 0.1 : -0.1);
      }}
    />
  );
}

/** What is drawn at a point: a marker, else the bar there, else the nearest of its row. */
function hit(
  lanes: readonly Lane[],
  markers: readonly Marker[],
  view: Window,
  now: number,
  x: number,
  y: number,
): string | undefined {
  if (y < AXIS + MARKS) return nearest(markers, ({ at }) => Math.abs(xOf(Date.parse(at), view) - x), 10)?.id;
  const top = y - AXIS - MARKS;
  const at = timeAt(x, view);
  const tolerance = ((view.to - view.from) / view.width) * 4;
  for (const lane of lanes) {
    if (top < lane.y || top > lane.y + lane.height) continue;
    const found = lane.bars.filter(
      ({ row }) => top >= barTop(lane, row) - 2 && top <= barTop(lane, row) + ROW,
    );
    return found.find(
      ({ wait }: { readonly wait: Wait }) =>
        at >= Date.parse(wait.from) - tolerance && at <= endOf(wait, now) + tolerance,
    )?.wait.id;
  }
  return undefined;
}

function nearest<T>(items: readonly T[], distance: (item: T) => number, most: number): T | undefined {
  const [first] = items
    .map((item) => ({ item, far: distance(item) }))
    .sort((one, other) => one.far - other.far);
  return first !== undefined && first.far <= most ? first.item : undefined;
}
