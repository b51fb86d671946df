import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { externalProgram } from './external-program.js';
import { freePort } from '../../support/postgres/free-port.mjs';
import { inOneOf } from '../../support/waiting.js';

const PLACES = ['/usr/bin/redis-server', '/usr/local/bin/redis-server', '/opt/homebrew/bin/redis-server'];

/** Redis, and tests that need it. */
export const { path: REDIS, describe: describeWithRedis } = externalProgram(
  'redis-server',
  'PGLOCK_TEST_REDIS',
  PLACES,
);

interface Redis {
  readonly port: number;
  stop(): Promise<void>;
}

/** A server of its own, on the loopback only, that writes nothing to the disk. */
export function startRedis(): Promise<Redis> {
  return inOneOf(3, startOnFreePort); // the port may be taken again before it is used
}

async function startOnFreePort(): Promise<Redis> {
  const port = await freePort();
  const options = { port: String(port), bind: '127.0.0.1', save: '', appendonly: 'no' };
  const server = spawn(
    REDIS!,
    Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
  );
  const ended = once(server, 'exit');
  const ready = new Promise<void>((resolve) =>
    server.stdout.on('data', (text: Buffer) => {
      if (text.toString().includes('Ready to accept connections')) resolve();
    }),
  );
  await Promise.race([ready, ended.then(() => Promise.reject(new Error('redis-server ended')))]);
  return {
    port,
    stop: async () => {
      server.kill();
      await ended;
    },
  };
}
