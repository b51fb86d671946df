/** A key that somebody pressed: the name of a special one, or the character itself. @internal */
export type Key =
  | 'up'
  | 'down'
  | 'pageUp'
  | 'pageDown'
  | 'home'
  | 'end'
  | 'enter'
  | 'escape'
  | 'backspace'
  | 'interrupt'
  | (string & {});

const SEQUENCES: Readonly<Record<string, Key>> = {
  '\u001b[A': 'up',
  '\u001bOA': 'up',
  '\u001b[B': 'down',
  '\u001bOB': 'down',
  '\u001b[5~': 'pageUp',
  '\u001b[6~': 'pageDown',
  '\u001b[H': 'home',
  '\u001b[1~': 'home',
  '\u001b[F': 'end',
  '\u001b[4~': 'end',
  '\r': 'enter',
  '\n': 'enter',
  '\u001b': 'escape',
  '\u007f': 'backspace',
  '\b': 'backspace',
  '\u0003': 'interrupt',
};

/** Takes what a terminal in raw mode sends apart into keys. @internal */
export function keysOf(input: string): Key[] {
  const keys: Key[] = [];

  for (const [part] of input.matchAll(/\u001b(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z])|[\s\S]/gu)) {
    const key = SEQUENCES[part];
    if (key !== undefined) keys.push(key);
    else if (!part.startsWith('\u001b')) keys.push(part);
  }
  return keys;
}
