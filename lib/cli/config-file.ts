import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkSaved } from '../inspection/resolve-query.js';
import type { PgLockModuleOptions } from '../options/pg-lock-options.js';
import { OPTIONS as MODULE_OPTIONS } from '../options/resolve-options.js';
import type { PgLockCliConfig } from './config.js';
import { printable } from '../vocabulary/printable.js';
import { CliError, EXIT, lineOf } from './exit.js';

const NAMES = ['pglock.config.ts', 'pglock.config.js', 'pglock.config.mjs', 'pglock.config.json'];
const OPTIONS: readonly (keyof PgLockCliConfig)[] = [
  'connection',
  'namespace',
  'databases',
  'names',
  'attributes',
  'blockingAttributes',
  'limit',
  'configs',
  'explain',
];

/**
 * Reads the configuration of a folder; empty where there is none.
 *
 * @throws {CliError} when there is one that cannot be read, or that says what means nothing.
 * @internal
 */
export async function readConfigFile(folder: string): Promise<PgLockCliConfig> {
  const name = NAMES.find((candidate) => existsSync(join(folder, candidate)));
  if (name === undefined) return {};
  try {
    return checked(await load(join(folder, name)));
  } catch (error) {
    throw new CliError(EXIT.usage, `${name} cannot be used: ${lineOf(error)}`, { cause: error });
  }
}

async function load(path: string): Promise<unknown> {
  if (path.endsWith('.json')) return parsed(readFileSync(path, 'utf8'));
  if (path.endsWith('.mjs')) return defaultOf(await import(pathToFileURL(path).href));
  // Reads TypeScript, and an `export default` in a `.js` that the package.json calls CommonJS.
  const { createJiti } = await import('jiti');
  return defaultOf(await createJiti(pathToFileURL(path).href).import(path));
}

/** The parser's own message would show a piece of the text, and there may be a password in it. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const place = /at position \d+|at line \d+ column \d+/.exec(lineOf(error))?.[0];
    throw new Error(['it is no valid JSON', place].filter(Boolean).join(' '), { cause: error });
  }
}

function defaultOf(module: unknown): unknown {
  const exported = module as { default?: unknown };
  return typeof module === 'object' && module !== null && 'default' in exported ? exported.default : module;
}

function checked(config: unknown): PgLockCliConfig {
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw new Error(`its default export must be an object; got ${printable(config)}.`);
  const known: readonly string[] = [...OPTIONS, ...MODULE_OPTIONS];
  const stranger = Object.keys(config).find((name) => !known.includes(name));
  if (stranger !== undefined)
    throw new Error(
      `it has no option ${printable(stranger)}. There are: ${OPTIONS.join(', ')}, and those of the module.`,
    );
  checkConfigs(config);
  return withConnection(config);
}

/** Saved queries are read before one of them is asked for. */
function checkConfigs({ configs = {}, namespace = '' }: PgLockCliConfig): void {
  for (const name of Object.keys(configs)) checkSaved(name, configs, namespace);
}

/** Of the module's options, the connection is where its lock sessions go. */
function withConnection(config: PgLockCliConfig & PgLockModuleOptions): PgLockCliConfig {
  const { sessions, pool } = config;
  const connection = sessions?.directConnection ?? config.connection ?? pool?.options;
  return connection === undefined ? config : { ...config, connection };
}
