// node proxy.mjs HOST PORT ONE_WAY_MS
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { Worker } from 'node:worker_threads';
import { serve } from '../harness/serve.mjs';

const [host, port, oneWay] = process.argv.slice(2);
const oneWayMs = Number(oneWay);
const words = new Int32Array(new SharedArrayBuffer(8));
const alarm = new Worker(new URL('alarm.mjs', import.meta.url), { workerData: words.buffer });
alarm.unref();

/** What is on its way, in both directions; what came first is due first. */
const underWay = [];

/** The clock that both threads have. */
const now = () => performance.timeOrigin + performance.now();

alarm.on('message', () => {
  const until = now() + 0.02;
  while (underWay.length > 0 && underWay[0].due <= until) {
    const { to, data } = underWay.shift();
    to.write(data);
  }
});

/** Hands chunks on in their order, each as long after it came as the way takes, to a few hundredths of a millisecond. */
function later(from, to) {
  from.on('data', (data) => {
    const due = now() + oneWayMs;
    underWay.push({ due, to, data });
    alarm.postMessage(due);
    Atomics.add(words, 0, 1);
    Atomics.notify(words, 0);
  });
  from.on('close', () => setTimeout(() => to.destroy(), oneWayMs * 2));
  from.on('error', () => to.destroy());
}

const server = createServer({ noDelay: true }, (near) => {
  const far = connect({ host, port: Number(port), noDelay: true });
  later(near, far);
  later(far, near);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
serve({ port: () => server.address().port });
