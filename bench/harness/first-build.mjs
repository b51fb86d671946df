// The build that today's is compared with: the first commit of this work, or what PGLOCK_FIRST_BUILD names (a packed tarball).
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const COMMIT = '46bb3a5';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PLACE = fileURLToPath(new URL('../.first-build/', import.meta.url));

/** Where it is imported from; made where it is not there yet. It finds its dependencies in those of this repository. */
export function firstBuild() {
  const index = `${PLACE}package/dist/index.js`;
  if (!existsSync(index)) make();
  return index;
}

function make() {
  rmSync(PLACE, { recursive: true, force: true });
  mkdirSync(PLACE, { recursive: true });
  const packed = process.env.PGLOCK_FIRST_BUILD;
  if (packed !== undefined) {
    execFileSync('tar', ['-xzf', packed, '-C', PLACE]);
    return;
  }
  const source = `${PLACE}package`;
  mkdirSync(source);
  const tree = execFileSync(
    'git',
    ['archive', COMMIT, 'lib', 'package.json', 'tsconfig.json', 'tsconfig.build.json'],
    {
      cwd: ROOT,
      maxBuffer: 2 ** 28,
    },
  );
  execFileSync('tar', ['-xf', '-', '-C', source], { input: tree });
  execFileSync(process.execPath, [`${ROOT}node_modules/typescript/bin/tsc`, '-p', 'tsconfig.build.json'], {
    cwd: source,
  });
}
