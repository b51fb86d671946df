import { stdout } from 'node:process';

const hasColours = stdout.isTTY && !process.env['NO_COLOR'];
const colour = (code: number) => (text: string) => (hasColours ? `\x1b[${code}m${text}\x1b[0m` : text);

export const bold = colour(1);
export const dim = colour(2);
export const red = colour(31);
export const green = colour(32);
export const yellow = colour(33);
export const cyan = colour(36);

export function say(text = ''): void {
  stdout.write(`${text}\n`);
}

/** Pads to a width, before colouring: escape sequences have none. */
export function cell(text: string, width: number, paint: (text: string) => string = (same) => same): string {
  return paint(text) + ' '.repeat(Math.max(0, width - text.length));
}

export const seconds = (ms: number): string =>
  ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
