// The long run of the chaos tests: `npm run test:chaos [-- --seed N --faults N]`. It writes docs/reliability.md.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeProof } from '../../scripts/proof.mjs';

const { values } = parseArgs({ options: { seed: { type: 'string' }, faults: { type: 'string' } } });
const root = fileURLToPath(new URL('../..', import.meta.url));
const jest = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  'node_modules/jest/bin/jest.js',
];
const env = { ...process.env, PGLOCK_CHAOS: 'full' };
if (values.seed !== undefined) env.PGLOCK_CHAOS_SEED = values.seed;
if (values.faults !== undefined) env.PGLOCK_CHAOS_FAULTS = values.faults;
const { status } = spawnSync(
  process.execPath,
  [
    ...jest,
    '--selectProjects',
    'chaos',
    'integration',
    '--runInBand',
    '--testPathPatterns',
    'test/(chaos/|integration/leaks)',
  ],
  {
    cwd: root,
    env,
    stdio: 'inherit',
  },
);
// The ticks once more, on the oldest server and the oldest Nest.
const oldest = { ...env, PGLOCK_TEST_POSTGRES: '13', PGLOCK_NEST: '11' };
const again = spawnSync(
  process.execPath,
  [...jest, '--selectProjects', 'chaos', '--testPathPatterns', 'test/chaos/ticks'],
  { cwd: root, env: oldest, stdio: 'inherit' },
);
if (status === 0 && again.status === 0) await writeProof();
process.exitCode = status === 0 && again.status === 0 ? 0 : 1;
