import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';

const require = createRequire(import.meta.url);

/** What the figures depend on; nothing that tells whose machine it is. */
export async function aboutMachine() {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() || 'unknown',
    cores: cpus.length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.arch()}`,
    node: process.version,
    loadBefore: os.loadavg().map((load) => Math.round(load * 10) / 10),
  };
}

/** The version of a package as it is installed for the bench, or undefined where it is not. */
export async function versionOf(name) {
  for (const folder of require.resolve.paths(name) ?? []) {
    const text = await readFile(`${folder}/${name}/package.json`, 'utf8').catch(() => undefined);
    if (text !== undefined) return JSON.parse(text).version;
  }
  return undefined;
}
