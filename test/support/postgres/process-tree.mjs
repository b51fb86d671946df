import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** The process ids of all direct children, wherever `/proc` or `ps` exists. */
export function childProcessesOf(parent) {
  return processTable()
    .filter(([, ppid]) => ppid === parent)
    .map(([pid]) => pid);
}

function processTable() {
  if (process.platform === 'linux') return readdirSync('/proc').filter(isNumber).flatMap(readStat);
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  return (stdout ?? '').split('\n').map((line) => line.trim().split(/\s+/).map(Number));
}

/** `pid (name) state ppid …`, where the name may hold anything, even a parenthesis. */
function readStat(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return [[Number(pid), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])]];
  } catch {
    return []; // It ended while we looked.
  }
}

function isNumber(name) {
  return /^\d+$/.test(name);
}

/** SIGKILL; a process that has ended meanwhile is fine. */
export function killIfAlive(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
