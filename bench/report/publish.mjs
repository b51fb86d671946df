import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import prettier from 'prettier';
import { writeProof } from '../../scripts/proof.mjs';
import { chart } from './chart.mjs';
import { goals } from './goals.mjs';
import { about, allTables } from './print.mjs';
import { summaryTable } from './summary.mjs';
import { asMarkdown } from './tables.mjs';

const RESULTS = new URL('../results/', import.meta.url);
/** The run that the documents show; the only one that is committed. */
export const LATEST = new URL('latest.json', RESULTS);
const COMPARISON = new URL('../../docs/comparison.md', import.meta.url);
const GUIDE = new URL('../../docs/performance.md', import.meta.url);
const CHART = new URL('../../docs/images/performance.svg', import.meta.url);

/** Keeps a run's figures beside those of earlier runs. @returns the file's name. */
export async function keep(result) {
  const name = `${result.at.replaceAll(':', '-')}.json`;
  await mkdir(RESULTS, { recursive: true });
  await write(new URL(name, RESULTS), JSON.stringify(result));
  return name;
}

/** Makes a run the one that the documents show: chart, README and guide say what it measured, and nothing else. */
export async function publish(result) {
  if (result.quick)
    throw new Error('a quick run shows that the bench works; its figures are not worth showing');
  await write(LATEST, JSON.stringify(result));
  await mkdir(new URL('.', CHART), { recursive: true });
  await writeFile(CHART, chart(result));
  await between(COMPARISON, inBrief(result));
  await between(GUIDE, inFull(result));
  await writeProof();
}

function inBrief(result) {
  return [
    '![Locks a second, times `pg` on one client](images/performance.svg)',
    '',
    asMarkdown(summaryTable(result), ''),
    '',
    `${about(result).slice(0, 3).join('; ')}. All in one run, in turn, the reference before and after each;`,
    'medians of the ratios. Method, quartiles and everything else: [performance](performance.md).',
  ].join('\n');
}

function inFull(result) {
  return [
    ...about(result).map((line) => `- ${line}`),
    '',
    asMarkdown(goals(result), '##'),
    '',
    ...allTables(result).map((table) => `${asMarkdown(table, '##')}\n`),
  ].join('\n');
}

/** Replaces what stands between the marks; a file without them is left alone. */
async function between(file, text) {
  const whole = await readFile(file, 'utf8').catch(() => '');
  const [before, rest] = whole.split('<!-- bench:start -->');
  const after = rest?.split('<!-- bench:end -->')[1];
  if (after === undefined) return;
  await write(file, `${before}<!-- bench:start -->\n\n${text}\n\n<!-- bench:end -->${after}`);
}

/** In the repository's own style, so that its check has nothing to say. */
async function write(file, text) {
  const filepath = fileURLToPath(file);
  const config = await prettier.resolveConfig(filepath);
  await writeFile(file, await prettier.format(text, { ...config, filepath }));
}
