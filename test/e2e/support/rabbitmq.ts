import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { externalProgram } from './external-program.js';
import { freePort } from '../../support/postgres/free-port.mjs';
import { inOneOf } from '../../support/waiting.js';

const PLACES = ['/usr/lib/rabbitmq/bin/rabbitmq-server', '/opt/homebrew/sbin/rabbitmq-server'];

/** RabbitMQ, and tests that need it. */
export const { path: RABBITMQ, describe: describeWithRabbitMq } = externalProgram(
  'rabbitmq-server',
  'PGLOCK_TEST_RABBITMQ',
  PLACES,
);

interface Broker {
  readonly uri: string;
  stop(): Promise<void>;
}

/** A broker of its own, on the loopback only, with its files in a folder that goes with it. */
export function startRabbitMq(): Promise<Broker> {
  return inOneOf(3, startOnFreePorts); // a port may be taken again before it is used
}

async function startOnFreePorts(): Promise<Broker> {
  const folder = mkdtempSync(join(tmpdir(), 'pglock-rabbitmq-'));
  const [port, distribution, epmd] = [await freePort(), await freePort(), await freePort()];
  const env = {
    ...process.env,
    ...{ HOME: folder, ERL_EPMD_ADDRESS: '127.0.0.1', ERL_EPMD_PORT: String(epmd) },
    ...{ RABBITMQ_NODENAME: `pglock${String(port)}@localhost`, RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1' },
    ...{ RABBITMQ_NODE_PORT: String(port), RABBITMQ_DIST_PORT: String(distribution) },
    ...{ RABBITMQ_MNESIA_BASE: join(folder, 'data'), RABBITMQ_LOG_BASE: join(folder, 'log') },
    ...{ RABBITMQ_PID_FILE: join(folder, 'pid'), RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins') },
    RABBITMQ_CONF_ENV_FILE: join(folder, 'none'),
    RABBITMQ_SERVER_START_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
  };
  const server = spawn(RABBITMQ!, { env, detached: true });
  const ended = once(server, 'exit');
  let output = '';
  const ready = new Promise<void>((resolve) => {
    for (const stream of [server.stdout, server.stderr])
      stream.on('data', (text: Buffer) => {
        output += text.toString();
        if (output.includes('completed with')) resolve();
      });
  });
  const failed = ended.then(() => Promise.reject(new Error(`rabbitmq-server ended: ${output}`)));
  const stop = async (): Promise<void> => {
    if (server.exitCode === null && server.pid !== undefined) process.kill(-server.pid, 'SIGTERM');
    await ended;
    // The port mapper is a daemon, which outlives its node.
    await promisify(execFile)('epmd', ['-port', String(epmd), '-kill'], { env }).catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
  };
  failed.catch(() => undefined);
  try {
    await Promise.race([ready, failed]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { uri: `amqp://127.0.0.1:${String(port)}`, stop };
}
