import { connect } from 'node:net';

const ANSWERS_WITHIN_MS = 300;

/** Where a Redis answers: `REDIS_URL`, or the usual place; undefined where none does. */
export async function findRedis() {
  const url = process.env.REDIS_URL || 'redis://127.0.0.1:6379';
  const { hostname, port } = new URL(url);
  const answers = await new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port || 6379) });
    const end = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(ANSWERS_WITHIN_MS, () => end(false));
    socket.once('error', () => end(false));
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data) => end(/^[+-]/.test(data.toString('latin1'))));
  });
  return answers ? url : undefined;
}
