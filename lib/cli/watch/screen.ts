import type { Io } from '../io.js';

const ALTERNATE_ON = '\u001b[?1049h\u001b[?25l';
const ALTERNATE_OFF = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/**
 * The terminal as a whole screen: *open* it takes keys one by one and leaves what was on the screen alone; `close()` gives
 * everything back, and so does the end of the process.
 *
 * @internal
 */
export class Screen {
  readonly #io: Io;
  #handlers: { onInput: (data: Buffer) => void; onResize: () => void; onStop: () => void } | undefined;

  constructor(io: Io) {
    this.#io = io;
  }

  open(onKeys: (input: string) => void, onResize: () => void, onStop: () => void): void {
    const { stdin, stdout } = this.#io;
    const onInput = (data: Buffer): void => {
      onKeys(data.toString('utf8'));
    };
    this.#handlers = { onInput, onResize, onStop };
    stdin.setRawMode(true);
    stdin.resume();
    stdin.on('data', onInput);
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
    const { onInput, onResize, onStop } = this.#handlers;
    stdin.off('data', onInput);
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
