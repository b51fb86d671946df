import type { Marker } from '../wire.js';
import { barTop, endOf, ROW, type Lane } from './lanes.js';

/** What is seen: which stretch of time, on how many pixels. */
export interface Window {
  readonly from: number;
  readonly to: number;
  readonly width: number;
}

export const AXIS = 26;
export const MARKS = 22;

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400].map(
  (seconds) => seconds * 1_000,
);
const MARK_LETTERS: Readonly<Record<Marker['kind'], string>> = {
  signal: 'S',
  prioritized: 'P',
  deadlock: 'D',
  lost: 'L',
  sessionEnded: 'E',
  takeover: 'T',
  job: 'J',
  trouble: '!',
};

export function xOf(at: number, { from, to, width }: Window): number {
  return ((at - from) / (to - from)) * width;
}

export function timeAt(x: number, { from, to, width }: Window): number {
  return from + (x / width) * (to - from);
}

interface Painted {
  readonly lanes: readonly Lane[];
  readonly markers: readonly Marker[];
  readonly window: Window;
  readonly now: number;
  readonly chosen: string | undefined;
  readonly height: number;
}

/** Draws everything anew; a thousand bars take a few milliseconds. */
export function paint(canvas: HTMLCanvasElement, painted: Painted): void {
  const { window: view, height } = painted;
  const ratio = devicePixelRatio;
  if (canvas.width !== Math.round(view.width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(view.width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext('2d');
  if (context === null) return;
  const style = getComputedStyle(canvas);
  const color = (name: string) => style.getPropertyValue(`--${name}`).trim();
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, view.width, height);
  context.font = `12px ${style.fontFamily}`;
  context.textBaseline = 'middle';
  paintAxis(context, view, height, color);
  for (const lane of painted.lanes) paintLane(context, lane, painted, color);
  for (const marker of painted.markers) paintMarker(context, marker, painted, color);
}

type Color = (name: string) => string;

function paintAxis(context: CanvasRenderingContext2D, view: Window, height: number, color: Color): void {
  const step = STEPS.find((each) => (each / (view.to - view.from)) * view.width >= 84) ?? 28_800_000;
  context.strokeStyle = color('grid');
  context.fillStyle = color('dim');
  context.lineWidth = 1;
  context.textAlign = 'left';
  const zone = new Date(view.to).getTimezoneOffset() * 60_000;
  for (let at = Math.ceil((view.from - zone) / step) * step + zone; at < view.to; at += step) {
    const x = Math.round(xOf(at, view)) + 0.5;
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, height);
    context.stroke();
    context.fillText(clockText(at, step), x + 4, AXIS / 2);
  }
}

function clockText(at: number, step: number): string {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, '0');
  const minutes = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return step >= 60_000 ? minutes : `${minutes}:${two(date.getSeconds())}`;
}

function paintLane(
  context: CanvasRenderingContext2D,
  lane: Lane,
  { window: view, now, chosen }: Painted,
  color: Color,
): void {
  const top = AXIS + MARKS;
  context.fillStyle = color('grid');
  context.fillRect(0, top + lane.y, view.width, 1);
  for (const { wait, row } of lane.bars) {
    const from = Date.parse(wait.from);
    const to = endOf(wait, now);
    if (to < view.from || from > view.to) continue;
    const x = Math.max(xOf(from, view), -4);
    const width = Math.max(Math.min(xOf(to, view), view.width + 4) - x, 3);
    const y = top + barTop(lane, row);
    context.fillStyle =
      wait.id === chosen ? color('accent') : wait.to === null ? color('bar-open') : color('bar');
    context.beginPath();
    context.roundRect(x, y, width, ROW - 3, 3);
    context.fill();
    if (wait.to === null) {
      context.fillStyle = color('bar-edge');
      context.fillRect(x + width - 3, y, 3, ROW - 3);
    }
  }
  context.fillStyle = color('text');
  context.textAlign = 'left';
  context.font = `600 12px ${getComputedStyle(context.canvas).fontFamily}`;
  context.fillText(lane.name.slice(0, 120), 8, top + lane.y + 11);
}

function paintMarker(
  context: CanvasRenderingContext2D,
  marker: Marker,
  { window: view, height, chosen }: Painted,
  color: Color,
): void {
  const x = xOf(Date.parse(marker.at), view);
  if (x < -8 || x > view.width + 8) return;
  context.strokeStyle = marker.id === chosen ? color('accent') : color('marker');
  context.globalAlpha = 0.55;
  context.setLineDash([3, 3]);
  context.beginPath();
  context.moveTo(x, AXIS + MARKS);
  context.lineTo(x, height);
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
  context.fillStyle = marker.id === chosen ? color('accent') : color('marker');
  context.beginPath();
  context.arc(x, AXIS + MARKS / 2, 8, 0, 2 * Math.PI);
  context.fill();
  context.fillStyle = color('on-marker');
  context.textAlign = 'center';
  context.font = `700 10px ${getComputedStyle(context.canvas).fontFamily}`;
  context.fillText(MARK_LETTERS[marker.kind], x, AXIS + MARKS / 2 + 0.5);
}
