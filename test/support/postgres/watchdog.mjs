// Cleans up after a server's parent, however that ended: `node watchdog.mjs <scratch directory>`.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const GIVE_UP_AFTER_MS = 10_000;
const scratch = process.argv[2];

process.stdin.resume();
process.stdin.once('end', () => void cleanUp());

async function cleanUp() {
  const { pid, sharedMemory } = readPostmasterFile();
  if (isOurs(pid)) {
    process.kill(pid, 'SIGQUIT');
    for (const deadline = Date.now() + GIVE_UP_AFTER_MS; isOurs(pid) && Date.now() < deadline;)
      await delay(20);
  }
  // A postmaster that was killed could not remove its segment; for the others this finds nothing to remove.
  if (sharedMemory !== undefined) spawnSync('ipcrm', ['-m', sharedMemory], { stdio: 'ignore' });
  rmSync(scratch, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
}

function readPostmasterFile() {
  try {
    const lines = readFileSync(join(scratch, 'data', 'postmaster.pid'), 'utf8').split('\n');
    return { pid: Number(lines[0]), sharedMemory: lines[6]?.trim().split(/\s+/)[1] };
  } catch {
    return {};
  }
}

/** The file outlives a postmaster that was killed, and its process id may by now be somebody else's. */
function isOurs(pid) {
  return pid !== undefined && commandLine(pid).includes(scratch);
}

function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? '';
  }
}
