import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `PGLOCK_UPDATE_GOLDEN=1 npm test -- SPEC` writes what is seen in place of what was expected. */
const isUpdating = process.env['PGLOCK_UPDATE_GOLDEN'] === '1';

/** Compares a text with the one that is kept beside the tests, under `test/golden`. */
export function expectGolden(name: string, text: string): void {
  const path = fileURLToPath(new URL(`../golden/${name}`, import.meta.url));
  const seen = `${text.trimEnd()}\n`;
  if (isUpdating) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, seen);
  }
  const kept = existsSync(path) ? `${readFileSync(path, 'utf8').trimEnd()}\n` : '';
  expect({ name, text: seen }).toEqual({ name, text: kept });
}

/** What differs from run to run, by what it is. */
export interface Names {
  readonly database: string;
  readonly port: string;
  /** Further texts, such as the name of a role made for the test. */
  readonly texts?: Readonly<Record<string, string>>;
  /** Whether pids and spans of time are figures of this run, rather than part of what is said. @default true */
  readonly figures?: boolean;
}

const SPAN = /(?<![\w.])\d+(?:\.\d+)?(?: ?ms|s|m\d\ds|h\d\dm|d\d\dh)(?![\w])/g;

/** The same text for every run: figures that differ become words, and blanks between columns are two. */
export function normalised(text: string, { database, port, texts = {}, figures = true }: Names): string {
  const named = { [database]: 'DATABASE', [`:${port}`]: ':PORT', ...texts };
  const known = Object.entries(named)
    .toSorted(([one], [other]) => other.length - one.length)
    .reduce((all, [from, to]) => all.replaceAll(from, to), text);
  const plain = known
    .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?/g, 'TIME')
    .replace(/PostgreSQL \d+[.\d]*/g, 'PostgreSQL VERSION');
  return (figures ? withoutFigures(plain) : plain)
    .split('\n')
    .map((line) => line.replace(/(\S) {2,}/g, '$1  ').trimEnd())
    .join('\n')
    .trimEnd();
}

/** Where a cell was cut, or a sentence broken, depends on how wide the figures in it are. */
function withoutFigures(text: string): string {
  return unbroken(text)
    .replace(/[ ,]*\n[│ ]+(?=(?:waits for|holds up|the longest) )/g, ', ')
    .replace(SPAN, 'AGE')
    .replace(/(?<!exit |[\w.])\d{3,7}(?![\w.])/g, 'PID')
    .replace(/[^\s│─]+…/g, '…')
    .replace(/(\S) {2,}/g, '$1 ')
    .replace(/ +,/g, ',');
}

/** Each sentence of talk on one line. */
function unbroken(text: string): string {
  const lines: string[] = [];
  let isTalk = false;
  for (const line of text.split('\n')) {
    const begins: boolean = /^(?:pglock|hidden): /.test(line);
    const goesOn: boolean = isTalk && !begins && !/^(?:exit \d|deployed|$)/.test(line);
    if (goesOn) lines.push(`${lines.pop() ?? ''} ${line}`);
    else lines.push(line);
    isTalk = begins || goesOn;
  }
  return lines.join('\n');
}
