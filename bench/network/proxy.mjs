// node proxy.mjs HOST PORT ONE_WAY_MS
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { serve } from '../harness/serve.mjs';

const [host, port, oneWay] = process.argv.slice(2);
const oneWayMs = Number(oneWay);

/** Hands chunks on in their order, each as long after it came as the way takes. */
function later(from, to) {
  const chunks = [];
  let timer;
  const flush = () => {
    timer = undefined;
    const now = performance.now();
    while (chunks.length > 0 && chunks[0].due <= now + 0.1) to.write(chunks.shift().data);
    if (chunks.length > 0) timer = setTimeout(flush, chunks[0].due - now);
  };
  from.on('data', (data) => {
    chunks.push({ data, due: performance.now() + oneWayMs });
    timer ??= setTimeout(flush, oneWayMs);
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
