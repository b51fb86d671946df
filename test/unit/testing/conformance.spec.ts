import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { MemoryCore } from '../../../lib/testing/memory-core.js';
import { MemoryLockTable } from '../../../lib/testing/memory-lock-table.js';
import { advisoryLockConformance } from '../../support/conformance/advisory-locks.js';

let table = new MemoryLockTable();
let cores: MemoryCore[] = [];

beforeEach(() => {
  table = new MemoryLockTable();
});

afterEach(async () => {
  await Promise.all(cores.map((core) => core.close()));
  cores = [];
  expect([...table.holds(), ...table.waiters()]).toEqual([]);
});

advisoryLockConformance('a table in memory', {
  open: (options) => {
    const core = new MemoryCore(resolveOptions(options), table);
    cores.push(core);
    return core;
  },
  heldKeys: () => Promise.resolve([...table.holds(), ...table.waiters()].map(({ key }) => key.text).sort()),
  untilWaiting: (count = 1) => table.until(() => table.waiters().length === count),
  expectUntouched: () => {
    expect([...table.holds(), ...table.waiters()]).toEqual([]);
    return Promise.resolve();
  },
  loseEverything: ({ pid }) => {
    table.lose(
      table.holds().filter((hold) => hold.pid === pid),
      new Error('The session was terminated.'),
    );
    return Promise.resolve();
  },
});
