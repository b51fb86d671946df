import { styleText } from 'node:util';
import type { Io } from '../io.js';

/** How a part of the output looks. @internal */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'inverse';

/** Gives a text a look, where there is a terminal that shows it. @internal */
export type Paint = (style: Style, text: string) => string;

/** Colours on a terminal, unless `NO_COLOR` is set; also elsewhere where `FORCE_COLOR` is. @see https://no-color.org @internal */
export function paintFor({ stdout, env }: Pick<Io, 'stdout' | 'env'>): Paint {
  const wanted = env['NO_COLOR'] ? false : stdout.isTTY || Boolean(env['FORCE_COLOR']);
  return wanted ? paint : plain;
}

function paint(style: Style, text: string): string {
  return text === '' ? '' : styleText(style, text, { validateStream: false });
}

/** @internal */
export const plain: Paint = (_, text) => text;
