import { execFile, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { eventually, inOneOf, useDatabase } from '../support/database.js';

const SAMPLE = fileURLToPath(new URL('../../sample/01-cron-once', import.meta.url));
const run = promisify(execFile);

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** As `npm start -- …` in the repository's root does, once everything is built. */
function start(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal?: { readonly name: NodeJS.Signals; readonly when: RegExp },
) {
  const child = spawn(process.execPath, ['dist/conductor/main.js', ...args], {
    cwd: SAMPLE,
    env,
    stdio: 'pipe',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (!child.killed && signal?.when.test(output)) child.kill(signal.name);
    });
  return new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, output })));
}

/** The process ids that it printed: of its replicas. */
function pidsIn(output: string): number[] {
  return [...output.matchAll(/\bpid (\d+)/g)].map(([, pid]) => Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('sample 01, one cron job on three replicas', () => {
  const db = useDatabase();
  const onOurServer = () => ({ ...process.env, DATABASE_URL: db.url });
  const databasesLeft = async () => {
    const { rows } = await db.admin.query(`SELECT FROM pg_database WHERE datname LIKE 'pglock\\_sample%'`);
    return rows.length;
  };

  beforeAll(() => run('npm', ['run', '--silent', 'build'], { cwd: SAMPLE }));

  it('runs every tick once while the holder is killed and replaced; without the lock it fails', async () => {
    // What it shows within seconds, a machine that stands still for some of them does not show.
    await inOneOf(6, async () => {
      const [locked, unlocked] = await Promise.all([
        start(['--for', '6s'], process.env),
        start(['--without-lock', '--for', '5s'], onOurServer()),
      ]);

      expect(locked).toMatchObject({ code: 0 });
      expect(locked.output).toMatch(
        /✗ SIGKILL for [ABC] \(pid \d+\), which has just run this tick and holds the job's lock\./,
      );
      expect(locked.output).toMatch(/PostgreSQL released the lock \d+ ms after the kill\./);
      expect(locked.output).toMatch(/✓ [ABC] took over at its next tick, (\d+ ms|1\.\d s) after the kill/);
      expect(locked.output).toMatch(/ {8}tick \d+ ran once, by [ABC]; tick \d+ ran once, by [ABC]\./);
      expect(locked.output).toMatch(/\+ D starts in the place of [ABC]/);
      expect(locked.output).toMatch(/[ABC] 423/);
      expect(locked.output).toMatch(/waited \d+ ms/);
      expect(locked.output).toMatch(/✓ 6 ticks, 6 runs: each tick ran once, none was lost\./);
      expect(locked.output).not.toContain('\x1b');

      expect(unlocked).toMatchObject({ code: 1 });
      expect(unlocked.output).toMatch(/✗ 5 ticks, 1\d runs\./);
      expect(unlocked.output).toMatch(/tick 5 ran 3 times: A, B, C/);

      expect([...pidsIn(locked.output), ...pidsIn(unlocked.output)].filter(isAlive)).toEqual([]);
      expect(await databasesLeft()).toBe(0);
    });
  });

  it('ends between two ticks at Ctrl-C; killed, it leaves no replica behind', async () => {
    const [interrupted, killed] = await Promise.all([
      start([], onOurServer(), { name: 'SIGINT', when: /^ {2}1 /m }),
      start([], process.env, { name: 'SIGKILL', when: /^tick /m }),
    ]);
    expect(interrupted.output).toMatch(/each tick ran once/);
    expect(interrupted).toMatchObject({ code: 0 });
    expect(pidsIn(interrupted.output)).toHaveLength(3);
    expect(pidsIn(interrupted.output).filter(isAlive)).toEqual([]);
    expect(await databasesLeft()).toBe(0);

    expect(pidsIn(killed.output)).toHaveLength(3);
    await eventually(() => !pidsIn(killed.output).some(isAlive));
  });

  it('counts a tick that nobody ran as lost', async () => {
    const script = `import { judge } from './dist/conductor/verdict.js';
      const runs = [1, 2, 4].map((tick) => ({ tick, replica: 'A', at: tick }));
      console.log(JSON.stringify([judge(runs, 1, 4), judge(runs, 1, 2)].map(({ ok, lost }) => ({ ok, lost }))));`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: SAMPLE });
    expect(JSON.parse(stdout)).toEqual([
      { ok: false, lost: [3] },
      { ok: true, lost: [] },
    ]);
  });
});
