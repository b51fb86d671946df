// node scripts/build-if-stale.mjs: builds what is published, where that is older than what it is made of. `npm pack` does so first.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BUILD, DIST } from './bundle/places.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCES = ['lib', 'ui', 'scripts/bundle', 'scripts/bundle.mjs', 'tsconfig.build.json'].map((path) =>
  join(ROOT, path),
);
const LOCK = join(ROOT, 'node_modules', '.pglock-build');
const OTHER_BUILD_WITHIN_MS = 300_000;

/**
 * Child processes and the import checks use the package as it is published, so `dist` must be at least as
 * young as its sources. A build that fails is reported but does not stop the suites that need none. Gives its exit code.
 */
export function buildIfStale() {
  if (isFresh()) return 0;
  return takingTurns(() => {
    if (isFresh()) return 0;
    // Not to the standard output: that of `npm pack --json` is read by programs.
    const { status } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: ['ignore', 2, 2] });
    if (status !== 0) console.error('The build failed: tests that use dist/ will not see the current lib/.');
    return status ?? 1;
  });
}

function isFresh() {
  return (
    existsSync(BUILD) &&
    existsSync(join(DIST, 'page')) &&
    statSync(DIST).mtimeMs >= Math.max(...SOURCES.map(youngest))
  );
}

function youngest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => youngest(join(path, name))));
}

/** Two runs at once must not build at once. A lock that outlived its run is taken over. */
function takingTurns(work) {
  for (const deadline = Date.now() + OTHER_BUILD_WITHIN_MS; ;) {
    try {
      mkdirSync(LOCK);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (Date.now() > deadline) rmSync(LOCK, { recursive: true, force: true });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }
  }
  try {
    return work();
  } finally {
    rmSync(LOCK, { recursive: true, force: true });
  }
}

if (process.argv[1] === import.meta.filename) process.exitCode = buildIfStale();
