import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** One fenced block. */
export interface Block {
  readonly language: string;
  /** What follows the language on the opening fence, such as `run`. */
  readonly flags: readonly string[];
  readonly code: string;
  /** The document, and the line of the block's first line of code in it. */
  readonly document: string;
  readonly line: number;
  /** The name of the file that a block is, by a comment on its first line: `// app.module.ts`. */
  readonly file: string | undefined;
}

/** One Markdown file, by its path from the repository's root. */
export interface Document {
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

/** Everything that users read: README, the guides, and what stands beside them. */
export function documents(): Document[] {
  const guides = readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`);
  return ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...guides].map(document);
}

export function document(path: string): Document {
  const text = readFileSync(join(ROOT, path), 'utf8');
  return { path, text, blocks: blocksOf(path, text) };
}

const FENCE = /^(?<indent> *)```(?<info>[^\n`]*)\n(?<code>.*?)^\k<indent>```$/gms;

function blocksOf(path: string, text: string): Block[] {
  return [...text.matchAll(FENCE)].map(({ index, groups }) => {
    const { info = '', code = '', indent = '' } = groups ?? {};
    const [language = '', ...flags] = info.trim().split(/\s+/);
    return {
      language,
      flags,
      code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
      document: path,
      line: text.slice(0, index).split('\n').length + 1,
      file: /^\/\/ ([\w./-]+\.ts)\n/.exec(code.trimStart())?.[1],
    };
  });
}

/** For messages and titles: `README.md:42`. */
export function whereIs({ document: path, line }: Block): string {
  return `${path}:${String(line)}`;
}
