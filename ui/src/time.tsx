import type { JSX } from 'preact';
import { Store, useStore } from './store.js';

/** What the server's clock says, as far as it is known: the viewer's own may be wrong, and a recording has one of its own. */
export const clock = new Store<number>(Date.now());
let offset = 0;
let held: number | undefined;

/** The server said that it is so late. */
export function sync(at: string): void {
  offset = Date.parse(at) - Date.now();
  tick();
}

/** Stops the clock at an instant of a recording. */
export function hold(at: number | undefined): void {
  held = at;
  tick();
}

function tick(): void {
  clock.set(held ?? Date.now() + offset);
}

setInterval(tick, 1_000);

const UNITS = [
  [86_400_000, 'd', 3_600_000, 'h'],
  [3_600_000, 'h', 60_000, 'm'],
  [60_000, 'm', 1_000, 's'],
] as const;

/** A span as people read it: `0.3 s`, `12 s`, `3m 12s`, `2h 05m`. */
export function span(milliseconds: number): string {
  const whole = Math.max(0, milliseconds);
  if (whole < 950) return `${Math.round(whole / 10) * 10} ms`;
  if (whole < 9_950) return `${(whole / 1_000).toFixed(1)} s`;
  for (const [large, l, small, s] of UNITS)
    if (whole >= large)
      return `${Math.floor(whole / large)}${l} ${String(Math.floor((whole % large) / small)).padStart(2, '0')}${s}`;
  return `${Math.round(whole / 1_000)} s`;
}

/** The same for what is counted in whole seconds while it goes on. */
export function roughly(milliseconds: number): string {
  return milliseconds < 9_950 ? `${Math.max(0, Math.round(milliseconds / 1_000))} s` : span(milliseconds);
}

export function exactly(at: string | number): string {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** "12 s ago", with the exact instant on hover. */
export function Ago({ at }: { readonly at: string }): JSX.Element {
  const now = useStore(clock);
  return (
    <time dateTime={at} title={exactly(at)}>
      {roughly(now - Date.parse(at))} ago
    </time>
  );
}

/** "12 s" and counting, since an instant. */
export function Since({ at }: { readonly at: string | null }): JSX.Element {
  const now = useStore(clock);
  if (at === null) return <span>?</span>;
  return (
    <time dateTime={at} title={`since ${exactly(at)}`}>
      {roughly(now - Date.parse(at))}
    </time>
  );
}

/** "in 12 s". */
export function Until({ at }: { readonly at: string }): JSX.Element {
  const now = useStore(clock);
  const left = Date.parse(at) - now;
  return (
    <time dateTime={at} title={exactly(at)}>
      {left <= 0 ? 'now' : `in ${roughly(left)}`}
    </time>
  );
}
