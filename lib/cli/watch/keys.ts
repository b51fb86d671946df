import type { Key as Pressed } from 'node:readline';

/** A key that was pressed: the name of a special one, or the character itself. @internal */
export type Key =
  | 'up'
  | 'down'
  | 'left'
  | 'right'
  | 'pageUp'
  | 'pageDown'
  | 'home'
  | 'end'
  | 'enter'
  | 'escape'
  | 'backspace'
  | 'delete'
  | 'clear'
  | 'interrupt'
  | (string & {});

const NAMED: Readonly<Record<string, Key>> = {
  up: 'up',
  down: 'down',
  left: 'left',
  right: 'right',
  pageup: 'pageUp',
  pagedown: 'pageDown',
  home: 'home',
  end: 'end',
  return: 'enter',
  enter: 'enter',
  escape: 'escape',
  backspace: 'backspace',
  delete: 'delete',
};
/** As in a shell. */
const WITH_CONTROL: Readonly<Record<string, Key>> = {
  a: 'home',
  c: 'interrupt',
  e: 'end',
  u: 'clear',
};

/** What a `keypress` of `node:readline` means; undefined for what means nothing here. @internal */
export function keyOf(
  character: string | undefined,
  { name = '', ctrl = false, meta = false }: Pressed,
): Key | undefined {
  if (ctrl) return WITH_CONTROL[name];
  const named = NAMED[name];
  if (named !== undefined) return named;
  return meta || character === undefined || /^\p{Cc}/u.test(character) ? undefined : character;
}
