import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { deferred } from '../../support/database.js';

const run = promisify(execFile);

const TSC = createRequire(import.meta.url).resolve('typescript/bin/tsc');

const directoryOf = (name: string) => fileURLToPath(new URL(`../../../sample/${name}`, import.meta.url));

/** How a process ended, with everything that it printed. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

/** One replica of a sample that listens. */
export interface Replica {
  readonly address: string;
  stop(): Promise<Ended>;
}

/** As the first half of `npm start` in the directories of samples, in one run of the compiler. */
export async function buildSamples(names: readonly string[]): Promise<void> {
  for (const name of names) await run(process.execPath, ['../link.mjs'], { cwd: directoryOf(name) });
  await run(process.execPath, [TSC, '-b', ...names.map(directoryOf)]);
}

/** As the second half of `npm start` there. */
export function startSample(name: string, env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, ['dist/main.js'], {
    cwd: directoryOf(name),
    env: { ...process.env, PORT: '0', ...env },
    stdio: 'pipe',
  });
  const listening = deferred<string>();
  listening.promise.catch(() => undefined);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const address = /Listening on (http:\S+)/.exec(output)?.[1];
      if (address !== undefined) listening.resolve(address);
    });
  const ended = once(child, 'close').then((given): Ended => {
    const [code, signal] = given as [number | null, NodeJS.Signals | null];
    listening.reject(new Error(`the sample ended:\n${output}`));
    return { code, signal, output };
  });
  return { child, ended, listening: listening.promise };
}

/** A sample that listens, once it does. */
export async function replicaOf(name: string, env: Readonly<Record<string, string>>): Promise<Replica> {
  const { child, ended, listening } = startSample(name, env);
  const stop = () => {
    child.kill('SIGTERM');
    return ended;
  };
  return { address: await listening, stop };
}
