import { emitKeypressEvents, type Key as Pressed } from 'node:readline';
import type { Io } from '../io.js';
import { keyOf, type Key } from './keys.js';

const ALTERNATE_ON = '\u001b[?1049h\u001b[?25l';
const ALTERNATE_OFF = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

interface Handlers {
  readonly onKeypress: (character: string | undefined, pressed: Pressed) => void;
  readonly onResize: () => void;
  readonly onStop: () => void;
}

/**
 * The terminal as a whole screen: *open* it takes keys one by one and leaves what was on the screen alone; `close()` gives
 * everything back, and so does the end of the process.
 *
 * @internal
 */
export class Screen {
  readonly #io: Io;
  #handlers: Handlers | undefined;

  constructor(io: Io) {
    this.#io = io;
  }

  open(onKey: (key: Key) => void, onResize: () => void, onStop: () => void): void {
    const { stdin, stdout } = this.#io;
    const onKeypress: Handlers['onKeypress'] = (character, pressed) => {
      const key = keyOf(character, pressed);
      if (key !== undefined) onKey(key);
    };
    this.#handlers = { onKeypress, onResize, onStop };
    emitKeypressEvents(stdin);
    stdin.setRawMode(true);
    stdin.on('keypress', onKeypress);
    stdin.resume();
    stdout.on('resize', onResize);
    process.once('SIGTERM', onStop).once('SIGHUP', onStop);
    process.once('exit', this.#giveBack);
    stdout.write(ALTERNATE_ON);
  }

  draw(lines: readonly string[]): void {
    if (this.#handlers === undefined) return;
    const text = lines.map((line) => `${line}${CLEAR_LINE}`).join('\r\n');
    this.#io.stdout.write(`${HOME}${text}${CLEAR_BELOW}`);
  }

  close(): void {
    if (this.#handlers === undefined) return;
    const { stdin, stdout } = this.#io;
    const { onKeypress, onResize, onStop } = this.#handlers;
    stdin.off('keypress', onKeypress);
    stdin.pause();
    stdout.off('resize', onResize);
    process.off('SIGTERM', onStop).off('SIGHUP', onStop).off('exit', this.#giveBack);
    this.#giveBack();
    this.#handlers = undefined;
  }

  readonly #giveBack = (): void => {
    this.#io.stdin.setRawMode(false);
    this.#io.stdout.write(ALTERNATE_OFF);
  };
}
