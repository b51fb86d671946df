import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { buildProgram } from '../../lib/cli/program.js';
import { compile } from './support/compile.js';
import { documents, ROOT, whereIs, type Block } from './support/documents.js';

/** Blocks in other languages would be checked by nothing. */
const LANGUAGES = ['ts', 'bash', 'sql', 'json', 'text', 'mermaid'];

/** So that a compiler that finds nothing anywhere is noticed. */
const WRONG: Block = {
  document: 'wrong.md',
  line: 7,
  language: 'ts',
  flags: [],
  file: undefined,
  code: "const right: string = 'text';\nconst wrong: number = right;\n",
};

const blocks = documents().flatMap((document) => document.blocks);
const inLanguage = (language: string): Block[] => blocks.filter((block) => block.language === language);

/** What is typed behind `pglock`, line by line, without what belongs to another command. */
function pglockCalls({ code }: Block): string[][] {
  const calls = code.matchAll(/^(?:\w+=\S+ )*(?:npx )?pglock\b([^|#\n]*)/gm);
  return [...calls].map(([, args = '']) => (args.split(' -- ')[0] ?? '').match(/'[^']*'|"[^"]*"|\S+/g) ?? []);
}

/** The flags that a call of `pglock` names and its command does not have. */
function unknownFlags(program: Command, words: readonly string[]): string[] {
  const named = (of: Command, word: string | undefined) => of.commands.find((one) => one.name() === word);
  const outer = named(program, words[0]) ?? program;
  const command = named(outer, words[1]) ?? outer;
  const known = [program, command].flatMap(({ options }) =>
    options.flatMap(({ short, long }) => [short, long]),
  );
  const flags = words.filter((word) => word.startsWith('-')).map((word) => word.split('=')[0]!);
  return flags.filter((flag) => !known.includes(flag) && flag !== '--help');
}

describe('code in README and docs', () => {
  it('is in a language that is checked here', () => {
    const others = blocks.filter(({ language }) => !LANGUAGES.includes(language));
    expect(others.map((block) => `${whereIs(block)} ${block.language}`)).toEqual([]);
    expect(inLanguage('ts').length).toBeGreaterThan(20);
  });

  it('compiles as TypeScript', () => {
    expect(compile([...inLanguage('ts'), WRONG])).toEqual([
      "wrong.md:8 Type 'string' is not assignable to type 'number'.",
    ]);
  });

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

  it('calls pglock with commands and flags that it has', () => {
    const program = buildProgram(
      { stdout: process.stdout, stderr: process.stderr } as never,
      () => undefined,
    );
    const calls = inLanguage('bash').flatMap((block) =>
      pglockCalls(block).map((words) => ({ block, words })),
    );
    expect(calls.length).toBeGreaterThan(5);
    const wrong = calls.flatMap(({ block, words }) =>
      unknownFlags(program, words).map((flag) => `${whereIs(block)} ${flag}`),
    );
    expect(wrong).toEqual([]);
  });
});
