import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestDatabase } from './database.js';

/** The command as it is published. */
export const PGLOCK = fileURLToPath(new URL('../../dist/esm/bin.js', import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder to run the command in. */
export interface CliFolder {
  readonly path: string;
  /** Runs `pglock`; `DATABASE_URL` is the test's database. */
  pglock(args: readonly string[], env?: Readonly<Record<string, string | undefined>>): Promise<CliResult>;
  /** Starts `pglock` and goes on; its standard input is a pipe, where asked for. */
  start(
    args: readonly string[],
    env?: Readonly<Record<string, string | undefined>>,
    stdin?: 'pipe',
  ): RunningCli;
  /** Runs a script of the folder with Node. */
  node(script: string): Promise<CliResult>;
  write(name: string, text: string): void;
}

export interface RunningCli {
  readonly process: ChildProcess;
  readonly result: Promise<CliResult>;
  /** What it wrote so far, both streams together. */
  output(): string;
}

/** An empty folder for one test; whatever still runs in it afterwards is killed. */
export function cliFolder(db: TestDatabase): CliFolder {
  const path = mkdtempSync(join(tmpdir(), 'pglock-cli-'));
  const running = new Set<ChildProcess>();
  db.defer(async () => {
    for (const child of running) child.kill('SIGKILL');
    rmSync(path, { recursive: true, force: true });
  });
  const start: CliFolder['start'] = (args, env = {}, stdin) => run([PGLOCK, ...args], env, stdin);
  const run: CliFolder['start'] = (args, env = {}, stdin) => {
    const child = spawn(process.execPath, [...args], {
      cwd: path,
      env: { ...process.env, DATABASE_URL: db.url, NODE_OPTIONS: '', ...env },
      stdio: [stdin ?? 'ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    return followed(child, () => running.delete(child));
  };
  return {
    path,
    start,
    pglock: (args, env) => start(args, env).result,
    node: (script) => run([script]).result,
    write: (name, text) => writeFileSync(join(path, name), text),
  };
}

function followed(child: ChildProcess, ended: () => void): RunningCli {
  const text = { stdout: '', stderr: '' };
  let output = '';
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.on('data', (chunk: Buffer) => {
      text[name] += chunk.toString();
      output += chunk.toString();
    });
  const result = new Promise<CliResult>((resolve) => {
    child.once('close', (code) => {
      ended();
      resolve({ code, ...text });
    });
  });
  return { process: child, result, output: () => output };
}
