import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from './support/compile.js';
import { documents, ROOT, whereIs, type Block } from './support/documents.js';

/** Blocks in other languages would be checked by nothing. */
const LANGUAGES = ['ts', 'bash', 'sql', 'json', 'text', 'mermaid'];

const blocks = documents().flatMap((document) => document.blocks);
const inLanguage = (language: string): Block[] => blocks.filter((block) => block.language === language);

describe('code in README and docs', () => {
  it('is in a language that is checked here', () => {
    const others = blocks.filter(({ language }) => !LANGUAGES.includes(language));
    expect(others.map((block) => `${whereIs(block)} ${block.language}`)).toEqual([]);
    expect(inLanguage('ts').length).toBeGreaterThan(20);
  });

  it('compiles as TypeScript', () => {
    expect(compile(inLanguage('ts'))).toEqual([]);
  }, 120_000);

  it('is JSON where it says so', () => {
    for (const { code } of inLanguage('json')) expect(() => JSON.parse(code) as unknown).not.toThrow();
  });

  it('is a shell script where it says so, and names scripts of package.json that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    for (const block of inLanguage('bash')) {
      expect(() => execFileSync('bash', ['-n'], { input: block.code })).not.toThrow();
      const named = [...block.code.matchAll(/\bnpm (?:run (\S+)|(test|start)\b)/g)].map(
        ([, run, other]) => run ?? other!,
      );
      expect(
        named.filter((name) => !(name in scripts)).map((name) => `${whereIs(block)} npm run ${name}`),
      ).toEqual([]);
    }
  });
});
