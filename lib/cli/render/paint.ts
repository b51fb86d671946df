import type { Io } from '../io.js';

/** How a part of the output looks. @internal */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'inverse';

/** Gives a text a look, where there is a terminal that shows it. @internal */
export type Paint = (style: Style, text: string) => string;

const CODES: Readonly<Record<Style, readonly [on: number, off: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
  inverse: [7, 27],
};

/** Colours on a terminal, unless `NO_COLOR` is set; also elsewhere where `FORCE_COLOR` is. @see https://no-color.org @internal */
export function paintFor({ stdout, env }: Pick<Io, 'stdout' | 'env'>): Paint {
  const wanted = env['NO_COLOR'] ? false : stdout.isTTY || Boolean(env['FORCE_COLOR']);
  return wanted ? paint : plain;
}

function paint(style: Style, text: string): string {
  const [on, off] = CODES[style];
  return `\u001b[${on}m${text}\u001b[${off}m`;
}

/** @internal */
export const plain: Paint = (_, text) => text;
