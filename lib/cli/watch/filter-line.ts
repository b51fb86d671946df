import type { Key } from './keys.js';

/** A filter while it is typed. @internal */
export interface FilterLine {
  readonly text: string;
  /** Before which character the next one comes. */
  readonly cursor: number;
  /** As it was found: what is typed first replaces it. */
  readonly untouched: boolean;
}

/** @internal */
export function filterLine(text: string): FilterLine {
  return { text, cursor: text.length, untouched: text !== '' };
}

/** The line after a key; the same one where the key means nothing in it. @internal */
export function edited(line: FilterLine, key: Key): FilterLine {
  const { text, cursor } = line;
  switch (key) {
    case 'left':
      return at(line, cursor - 1);
    case 'right':
      return at(line, cursor + 1);
    case 'home':
      return at(line, 0);
    case 'end':
      return at(line, text.length);
    case 'clear':
      return { text: '', cursor: 0, untouched: false };
    case 'backspace':
      return cursor === 0 ? line : replaced(text.slice(0, cursor - 1), text.slice(cursor));
    case 'delete':
      return replaced(text.slice(0, cursor), text.slice(cursor + 1));
    default:
      // Names of keys are longer than any character.
      if (!/^.$/u.test(key)) return line;
      return line.untouched ? replaced(key, '') : replaced(text.slice(0, cursor) + key, text.slice(cursor));
  }
}

function at({ text }: FilterLine, cursor: number): FilterLine {
  return { text, cursor: Math.min(Math.max(cursor, 0), text.length), untouched: false };
}

function replaced(before: string, after: string): FilterLine {
  return { text: before + after, cursor: before.length, untouched: false };
}
