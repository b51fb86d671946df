import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import type * as Slonik from 'slonik';
import { heldOpen, type ClientUnderTest } from './client-under-test.js';
import { reshaped } from './plugins.js';

let bundled: Promise<typeof Slonik> | undefined;

/** In one file, in `.cache/`: Slonik requires ES modules, which Jest cannot before Node 24.9. */
export function slonik(): Promise<typeof Slonik> {
  return (bundled ??= bundle());
}

async function bundle(): Promise<typeof Slonik> {
  const require = createRequire(import.meta.url);
  const file = resolve(import.meta.dirname, '../../../.cache/slonik-test', `${String(process.pid)}.cjs`);
  const options = [
    '--bundle',
    '--platform=node',
    '--external:pg',
    '--external:pg-native',
    `--outfile=${file}`,
  ];
  const esbuild = resolve(require.resolve('esbuild/package.json'), '../bin/esbuild');
  await promisify(execFile)(esbuild, [require.resolve('slonik'), '--log-level=error', ...options]);
  return require(file) as typeof Slonik;
}

const RESHAPING: Slonik.Interceptor = {
  name: 'reshaping',
  transformRow: (_context, _query, row) => (reshaped([row]) as never[])[0]!,
};

function client(name: string, options: Slonik.ClientConfigurationInput): ClientUnderTest {
  return {
    name,
    async open(url) {
      const pool = await (
        await slonik()
      ).createPool(url, { statementTimeout: 'DISABLE_TIMEOUT', ...options });
      return {
        root: pool,
        models: [],
        begin: () => heldOpen<object>((work) => pool.transaction(work)),
        close: () => pool.end(),
      };
    },
  };
}

/** Of numbers and texts as no application wants them. */
const PARSERS = ['int4', 'int8', 'bool', 'text'].map((name) => ({
  name,
  parse: (value: string | null) => ({ name, value }),
}));

export const slonikClient = client('Slonik', {});
export const slonikIntercepted = client('Slonik with interceptors and type parsers', {
  interceptors: [RESHAPING],
  typeParsers: PARSERS,
});
