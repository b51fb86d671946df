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
  expect({ name, text: seen }).toEqual({ name, text: existsSync(path) ? readFileSync(path, 'utf8') : '' });
}

/** What differs from run to run, by what it is. */
export interface Names {
  readonly database: string;
  readonly port: string;
  /** Further texts, such as the name of a role made for the test. */
  readonly texts?: Readonly<Record<string, string>>;
}

const SPAN = /(?<![\w.])\d+(?:\.\d+)?(?:ms|s|m\d\ds|h\d\dm|d\d\dh)(?![\w])/g;

/** The same text for every run: figures that differ become words, and blanks between columns are two. */
export function normalised(text: string, { database, port, texts = {} }: Names): string {
  const named = { [database]: 'DATABASE', [`:${port}`]: ':PORT', ...texts };
  const known = Object.entries(named).reduce((all, [from, to]) => all.replaceAll(from, to), text);
  return known
    .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?/g, 'TIME')
    .replace(SPAN, 'AGE')
    .replace(/PostgreSQL \d+[.\d]*/g, 'PostgreSQL VERSION')
    .replace(/(?<![\w.])\d{3,7}(?![\w.])/g, 'PID')
    .split('\n')
    .map((line) => line.replace(/(\S) {2,}/g, '$1  ').trimEnd())
    .join('\n')
    .trimEnd();
}
