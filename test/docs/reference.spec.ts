import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import * as library from '../../lib/index.js';
import { DEFAULTS } from '../../lib/options/pg-lock-options.js';
import { document, documents, ROOT } from './support/documents.js';

/** The first cells of a table's rows, without their backticks; each with the whole row. */
function rowsOf(table: string): Map<string, readonly string[]> {
  const rows = table.split('\n').filter((line) => line.startsWith('| `'));
  const cells = rows.map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  return new Map(cells.map(([name = '', ...rest]) => [name.replaceAll('`', ''), rest]));
}

/** The tables behind `<!-- options: Name -->`, of all guides. */
const tables = new Map(
  documents().flatMap(({ text }) =>
    [...text.matchAll(/<!-- options: (\w+) -->\n\n((?:\|.*\n)+)/g)].map(
      ([, name = '', table = '']) => [name, rowsOf(table)] as const,
    ),
  ),
);

/** The interfaces of options that users write, with their members. */
const interfaces = new Map(
  sources(join(ROOT, 'lib')).flatMap((path) => {
    const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
    return source.statements.filter(ts.isInterfaceDeclaration).map((declared) => {
      const members = declared.members.flatMap((member) =>
        member.name === undefined ? [] : [member.name.getText()],
      );
      return [declared.name.text, members] as const;
    });
  }),
);
/** Which of another interface's options it picks. */
const PICKED = new Map([
  ['AdvisoryDefaults', ['timeout', 'onContention', 'holdAtLeast', 'maxHold', 'reentrant']],
]);

/** Options that stand in the table of others: `onContention` narrowed. */
const REPEATED = new Set(['ThrowingOptions']);

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

/** What users may write options in: every such name of the package's faces that has members of its own. */
const options = readFileSync(join(ROOT, 'test/types/public-names.txt'), 'utf8')
  .split('\n')
  .map((line) => line.split(' ').at(-1) ?? '')
  .filter((name) => /(Options?|Defaults|Extras|Config|Database|Query)$/.test(name) && !REPEATED.has(name))
  .filter((name) => PICKED.has(name) || (interfaces.get(name)?.length ?? 0) > 0);

describe('the tables of options in the guides', () => {
  it('are of what there is, and of nothing else', () => {
    expect(options).toEqual(
      expect.arrayContaining(['PgLockModuleOptions', 'PgLockCliConfig', 'HoldLockOptions']),
    );
    expect([...tables.keys()].sort()).toEqual([...options].sort());
  });

  it.each(options)('have the options of %s, all of them and no others', (name) => {
    const declared = [...(interfaces.get(name) ?? []), ...(PICKED.get(name) ?? [])];
    expect([...(tables.get(name)?.keys() ?? [])].sort()).toEqual([...declared].sort());
  });

  it('have the defaults that the code has', () => {
    const { sessions, prioritize, jobs, advisory, shutdown, ...rest } = DEFAULTS;
    const cases = [
      ['SessionsOptions', sessions],
      ['PrioritizeDefaults', prioritize],
      ['JobsOptions', jobs],
      ['AdvisoryDefaults', advisory],
      ['ShutdownOptions', shutdown],
      ['PgLockModuleOptions', rest],
      ['PgLockModuleExtras', rest],
    ] as const;
    for (const [table, defaults] of cases)
      for (const [name, value] of Object.entries(defaults)) {
        const row = tables.get(table)?.get(name);
        if (row === undefined) continue;
        const written = typeof value === 'string' ? `'${value}'` : String(value);
        expect({ name, default: row[1] }).toEqual({ name, default: `\`${written}\`` });
      }
    expect(Object.keys(sessions).filter((name) => !tables.get('SessionsOptions')?.has(name))).toEqual([]);
  });
});

/** What constructors take that want other things than a message and details. */
const ARGUMENTS = new Map([['StillBlockedError', [1, 0, [], undefined]]]);

describe('docs/errors.md', () => {
  const rows = rowsOf(document('docs/errors.md').text.split('\n## ')[0] ?? '');
  const classes = Object.entries(library).filter(
    ([name, exported]) =>
      name !== 'PgLockError' &&
      typeof exported === 'function' &&
      exported.prototype instanceof library.PgLockError,
  ) as unknown as [string, new (...given: readonly unknown[]) => { readonly code: string }][];

  it('has every class of error, and no others', () => {
    expect([...rows.keys()].sort()).toEqual(classes.map(([name]) => name).sort());
  });

  it.each(classes)('%s has the code that is written there', (name, Class) => {
    const given = ARGUMENTS.get(name) ?? ['', { id: '', waited: 0 }];
    const { code } = new Class(...given);
    expect(rows.get(name)?.[0]).toBe(`\`${code}\``);
  });

  it('agrees with README', () => {
    const readme = document('README.md').text;
    const [, table = ''] = /\n## Errors\n([^#]*)/.exec(readme) ?? [];
    for (const [name, [code, http]] of rowsOf(table))
      expect(rows.get(name)?.slice(0, 2)).toEqual([code, http]);
  });
});
