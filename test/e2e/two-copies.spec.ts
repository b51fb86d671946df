import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { useDatabase } from '../support/database.js';
import { PackedApplication } from './support/packed-application.js';

const SCRIPT = new URL('../support/children/two-copies.mjs', import.meta.url);

/** What every mixture has to show: see two-copies.mjs. */
const RIGHT = {
  free: {
    locked: [200, 'locked 1'],
    decorated: [200, 'decorated 1'],
    guarded: [200, 'ran'],
    thrown: [200, 'ran'],
    events: [200, expect.stringContaining('data: event')],
  },
  busy: Object.fromEntries(
    ['locked', 'decorated', 'guarded', 'thrown', 'events'].map((path) => [path, [423, true]]),
  ),
  seen: [['payload', 'event', 1]],
  jobs: [
    ['number', 'Jobs.intercepted', 1],
    ['number', 'decorated:job', 1],
  ],
  twice: false,
  intervals: 0,
  errors: {
    code: '55P03',
    known: [
      [true, true, false, true],
      [true, true, false, true],
    ],
  },
  left: 0,
};

describe('two copies of the library in one process', () => {
  const db = useDatabase();
  let application: PackedApplication;
  let commonJs: string;

  beforeAll(async () => {
    application = await PackedApplication.create();
    const installed = await application.installFor('reports');
    commonJs = join(installed, 'dist/commonjs/index.js');
    for (const name of ['platform-express', 'event-emitter']) application.link(`@nestjs/${name}`);
    application.write('two-copies.mjs', readFileSync(SCRIPT, 'utf8'));
  });
  afterAll(() => application.remove());

  async function run(modules: string, decorators: string): Promise<unknown> {
    const args = ['--disable-warning=ExperimentalWarning', 'two-copies.mjs'];
    const { stdout, stderr } = await application.run('node', args, {
      PGLOCK_URL: db.url,
      PGLOCK_COMMONJS: commonJs,
      PGLOCK_MODULES: modules,
      PGLOCK_DECORATORS: decorators,
    });
    expect(stderr).toBe('');
    return JSON.parse(stdout);
  }

  it.each([
    ['the ES module', 'the CommonJS build', 'esm', 'cjs'],
    ['the CommonJS build', 'the ES module', 'cjs', 'esm'],
  ])('work together: the module of %s, decorators of %s', async (_module, _of, modules, decorators) => {
    expect(await run(modules, decorators)).toEqual(RIGHT);
  });

  it('work together where the application imports the modules of both', async () => {
    expect(await run('esm,cjs', 'cjs')).toEqual({ ...RIGHT, self: [null, '40P01', true] });
  });
});
