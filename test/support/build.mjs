import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LIB = join(ROOT, 'lib');
const UI = join(ROOT, 'ui');
const DIST = join(ROOT, 'dist');
const LOCK = join(ROOT, 'node_modules', '.pglock-build');
const OTHER_BUILD_WITHIN_MS = 60_000;

/**
 * Child processes and the import checks use the package as it is published, so `dist` must be at least as
 * young as `lib` and `ui`. A build that fails is reported but does not stop the suites that need none.
 */
export function buildIfStale() {
  if (!existsSync(join(LIB, 'index.ts')) || isFresh()) return;
  takingTurns(() => {
    if (isFresh()) return;
    const { status } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' });
    if (status !== 0) console.error('The build failed: tests that use dist/ will not see the current lib/.');
  });
}

function isFresh() {
  return existsSync(DIST) && statSync(DIST).mtimeMs >= Math.max(youngest(LIB), youngest(UI));
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
    work();
  } finally {
    rmSync(LOCK, { recursive: true, force: true });
  }
}
