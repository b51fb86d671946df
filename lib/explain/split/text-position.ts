/** A place in a file, both counted from 1; columns in characters. @internal */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/** Finds the line and column of an offset in UTF-16 units. @internal */
export function positionAt(text: string, offset: number): TextPosition {
  const before = text.slice(0, offset);
  const line = countOf(before, '\n') + 1;
  const column = charactersIn(before.slice(before.lastIndexOf('\n') + 1)) + 1;
  return { line, column };
}

/** The offset in UTF-16 units of a position that the server counted in characters from 1. @internal */
export function offsetOfCharacter(text: string, position: number): number {
  let offset = 0;
  let left = position - 1;
  for (const character of text) {
    if (left === 0) break;
    left -= 1;
    offset += character.length;
  }
  return offset;
}

function countOf(text: string, character: string): number {
  let count = 0;
  for (let at = text.indexOf(character); at !== -1; at = text.indexOf(character, at + 1)) count += 1;
  return count;
}

/** As PostgreSQL counts them: code points. */
function charactersIn(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
