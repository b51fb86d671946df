import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chmod, chown, cp, mkdir, mkdtemp, open, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { nativeDirectory, usableBinaries } from './embedded-binaries.mjs';
import { freePort } from './free-port.mjs';
import { childProcessesOf, killIfAlive } from './process-tree.mjs';
import { serverUser } from './server-user.mjs';
import { asServerFlags, FAST_AND_ROOMY } from './settings.mjs';
import { dismiss, watchOver } from './watch-over.mjs';

const START_ATTEMPTS = 10;
const STARTED_WITHIN_MS = 60_000;
const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT' };

/** Starts a PostgreSQL of our own from npm binaries: its own port, temp directory and watchdog. */
export async function startEmbedded({ major, settings = {}, port }) {
  const native = nativeDirectory(major);
  const scratch = await mkdtemp(join(tmpdir(), 'nestjs-pglock-'));
  const watchdog = watchOver(scratch);
  try {
    const server = new EmbeddedServer(scratch, watchdog, { ...FAST_AND_ROOMY, ...settings }, port);
    await server.initialise(native);
    await server.start();
    return server;
  } catch (error) {
    await dismiss(watchdog);
    throw error;
  }
}

/**
 * Initialised → running ⇄ down (`kill`, or between the halves of `restart`) → stopped. The watchdog process
 * removes what is left when this process ends in any other way, be it Ctrl-C or SIGKILL.
 */
class EmbeddedServer {
  #scratch;
  #watchdog;
  #settings;
  #port;
  #portIsFixed;
  #bin;
  #user = {};
  #process;

  constructor(scratch, watchdog, settings, port) {
    this.#scratch = scratch;
    this.#watchdog = watchdog;
    this.#settings = settings;
    this.#port = port;
    this.#portIsFixed = port !== undefined;
  }

  get url() {
    return `postgres://postgres@127.0.0.1:${this.#port}/postgres`;
  }

  get port() {
    return this.#port;
  }

  /** The postmaster's process id, while it runs. */
  get pid() {
    return this.#process?.pid;
  }

  /** The server's log so far. */
  log() {
    return readFile(this.#logFile, 'utf8');
  }

  get #data() {
    return join(this.#scratch, 'data');
  }

  get #logFile() {
    return join(this.#scratch, 'server.log');
  }

  async initialise(native) {
    this.#user = await serverUser();
    await chmod(this.#scratch, 0o755);
    this.#bin = await usableBinaries(native, this.#scratch, (program) =>
      this.#succeeds(program, ['--version']),
    );
    await mkdir(this.#data, { mode: 0o700 });
    if (this.#user.uid !== undefined) await chown(this.#data, this.#user.uid, this.#user.gid);
    const flags = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'];
    await this.#run(join(this.#bin, 'initdb'), [`--pgdata=${this.#data}`, ...flags]);
  }

  /**
   * A hot standby of this server, which streams from it: a copy of its files, taken under `pg_backup_start`, since the npm
   * binaries have no pg_basebackup. Needs `wal_level` and `max_wal_senders`; PostgreSQL 15 and later.
   */
  async standby(settings = {}) {
    const scratch = await mkdtemp(join(tmpdir(), 'nestjs-pglock-'));
    const standby = new EmbeddedServer(scratch, watchOver(scratch), { ...this.#settings, ...settings });
    standby.#user = this.#user;
    standby.#bin = this.#bin;
    await chmod(scratch, 0o755);
    const label = await this.#copyTo(standby.#data);
    await writeFile(join(standby.#data, 'backup_label'), label);
    await writeFile(join(standby.#data, 'standby.signal'), '');
    const primary = `primary_conninfo = 'host=127.0.0.1 port=${this.#port} user=postgres'\n`;
    await appendFile(join(standby.#data, 'postgresql.auto.conf'), primary);
    if (this.#user.uid !== undefined)
      spawnSync('chown', ['-R', `${this.#user.uid}:${this.#user.gid}`, standby.#data]);
    await standby.start();
    return standby;
  }

  async #copyTo(target) {
    const client = new pg.Client(this.url);
    await client.connect();
    try {
      await client.query("SELECT pg_backup_start('standby', true)");
      const filter = (path) => !path.endsWith('postmaster.pid') && !path.endsWith('postmaster.opts');
      await cp(this.#data, target, { recursive: true, filter });
      const { rows } = await client.query('SELECT labelfile FROM pg_backup_stop(false)');
      return rows[0].labelfile;
    } finally {
      await client.end();
    }
  }

  /** Starts the server (again, on the same port) and waits until it accepts connections. */
  async start() {
    for (let attempt = 1; ; attempt++) {
      if (!this.#portIsFixed) this.#port = await freePort();
      const reason = await this.#tryToStart();
      if (reason === undefined) break;
      // After a SIGKILL of the postmaster its backends need a moment to notice and let go of the shared memory.
      const passing = /could not bind|Address already in use|pre-existing shared memory|lock file/.test(
        reason,
      );
      if (!passing || attempt === START_ATTEMPTS) throw new Error(`PostgreSQL did not start:\n${reason}`);
      await delay(50 * attempt);
    }
    this.#portIsFixed = true;
  }

  /** Ends every session and comes back: `fast` rolls back and says goodbye, `immediate` recovers as after a crash. */
  async restart(mode = 'fast') {
    await this.#shutDown(mode);
    await this.start();
  }

  /**
   * SIGKILL for the postmaster and all its processes, as a power cut would; `start()` brings the server back.
   * Left alone, PostgreSQL 13's autovacuum launcher may outlive its postmaster by a minute and block the restart.
   */
  async kill() {
    const postmaster = this.#process?.pid;
    if (postmaster === undefined) return;
    process.kill(postmaster, 'SIGSTOP'); // It must not fork while we look.
    const children = childProcessesOf(postmaster);
    await this.#signal('SIGKILL');
    for (const child of children) killIfAlive(child);
  }

  /** Ends the server for good and removes its files. Safe to call twice. */
  async stop() {
    await this.#shutDown('fast');
    await dismiss(this.#watchdog);
  }

  async #shutDown(mode) {
    await this.#signal(SIGNALS[mode]);
  }

  async #signal(signal) {
    const running = this.#process;
    if (running === undefined) return;
    const exited = once(running, 'exit');
    running.ref();
    running.kill(signal);
    await exited;
  }

  /** `undefined` once the server accepts connections, otherwise the log of the attempt that failed. */
  async #tryToStart() {
    const log = await open(this.#logFile, 'a');
    const { size } = await log.stat();
    const flags = {
      ...this.#settings,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      port: this.#port,
    };
    const child = spawn(join(this.#bin, 'postgres'), ['-D', this.#data, ...asServerFlags(flags)], {
      ...this.#user,
      cwd: this.#scratch,
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', log.fd, log.fd],
      detached: true, // Ctrl-C reaches us alone: the server is shut down, not interrupted.
    });
    this.#process = child;
    let ended = false;
    const gone = () => {
      ended = true;
      if (this.#process === child) this.#process = undefined;
    };
    child.once('exit', gone).once('error', gone);
    await log.close();
    const deadline = Date.now() + STARTED_WITHIN_MS;
    while (!ended && Date.now() < deadline) {
      if (await this.#isReady(child.pid)) {
        child.unref();
        return undefined;
      }
      await delay(10);
    }
    await this.#signal('SIGQUIT');
    return (await readFile(this.#logFile)).subarray(size).toString();
  }

  /** What `pg_ctl -w` looks at: line 1 is the postmaster's pid, line 8 its state. */
  async #isReady(pid) {
    const lines = await readFile(join(this.#data, 'postmaster.pid'), 'utf8').then(
      (text) => text.split('\n'),
      () => [],
    );
    return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
  }

  async #succeeds(program, args) {
    return this.#run(program, args).then(
      () => true,
      () => false,
    );
  }

  async #run(program, args) {
    const child = spawn(program, args, {
      ...this.#user,
      cwd: this.#scratch,
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`${program} failed with exit code ${code}:\n${output}`);
  }
}
