import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { document, documents, ROOT } from './support/documents.js';

/** What stands in the glossary's table of words that are not used, as what is looked for. */
const UNUSED: readonly RegExp[] = [
  /\bnobody\b/i,
  /\bsomebody\b/i,
  /\bwhoever\b/i,
  /\bfor ever\b/i,
  /\b(?:was|were|is|are|be) (?:not )?had\b/i,
  /\blets? go\b/i,
  /\bin (?:the|its|their|others'|nobody's) way\b/i,
  /\bkiller\b/i,
];

const prose = (text: string) =>
  text.replaceAll(/^ *```(?!sql).*?^ *```$/gms, '').replaceAll(/`[^`\n]*`/g, '``');

const golden = readdirSync(join(ROOT, 'test/golden'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.txt'))
  .map((name) => join('test/golden', name));

/** What else users read: what stands beside the guides, the samples, and the dashboard's page. */
function filesUnder(folder: string, ending: RegExp): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name))
    .map((name) => join(folder, name));
}

/** Not the whole of `sample`: its `node_modules` may link back to the repository. */
const samples = readdirSync(join(ROOT, 'sample'))
  .map((name) => join('sample', name))
  .filter((folder) => existsSync(join(ROOT, folder, 'src')));

const besides = [
  'lib/ARCHITECTURE.md',
  'bench/README.md',
  'findings/README.md',
  'sample/README.md',
  ...samples.map((folder) => join(folder, 'README.md')),
];
const code = [
  ...filesUnder('ui/src', /\.tsx?$/),
  ...samples.flatMap((folder) => filesUnder(join(folder, 'src'), /\.ts$/)),
];

const texts = [
  ...besides.map((path) => ({ path, text: prose(readFileSync(join(ROOT, path), 'utf8')) })),
  ...documents()
    .filter(({ path }) => !path.endsWith('glossary.md'))
    .map(({ path, text }) => ({ path, text: prose(text) })),
  ...golden.map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') })),
];

describe('words', () => {
  it.each(texts)('of $path are those of the glossary', ({ text }) => {
    const found = text.split('\n').filter((line) => UNUSED.some((word) => word.test(line)));
    expect(found).toEqual([]);
  });

  it('of the code of the samples and of the page of the dashboard are, too', () => {
    const found = code.flatMap((path) =>
      readFileSync(join(ROOT, path), 'utf8')
        .split('\n')
        .filter((line) => UNUSED.some((word) => word.test(line)))
        .map((line) => `${path}: ${line.trim()}`),
    );
    expect(found).toEqual([]);
  });

  it('that are not used stand in the glossary, each of them', () => {
    const table = document('docs/glossary.md').text.split('## Words that are not used')[1] ?? '';
    const rows = table.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| not '));
    expect(rows.length).toBeGreaterThan(3);
    const listed = rows.flatMap((row) => (row.split('|')[1] ?? '').replace(/\(.*\)/, '').split(','));
    const asFound = (word: string) => (word === 'had' ? 'was had' : word);
    for (const word of listed.map((cell) => cell.trim()).filter((cell) => !/^-*$/.test(cell)))
      expect({ word, isLookedFor: UNUSED.some((one) => one.test(asFound(word))) }).toEqual({
        word,
        isLookedFor: true,
      });
  });
});
