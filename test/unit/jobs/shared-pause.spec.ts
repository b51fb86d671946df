import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { sharedPause } from '../../../lib/jobs/shared-pause.js';
import { WaitAbort } from '../../../lib/vocabulary/wait-abort.js';

describe('sharedPause', () => {
  it('reads what has arrived before it ends, although the event loop was blocked past its end', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const ours = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [theirs] = (await once(server, 'connection')) as [Socket];
    const order: string[] = [];
    ours.on('data', () => order.push('news'));
    const paused = sharedPause(30, new WaitAbort()).then(() => order.push('paused'));
    // After setImmediate come the timers, and sockets are read after those.
    await new Promise((resolve) => setImmediate(resolve));
    theirs.write('!');
    block(100);
    await paused;
    ours.destroy();
    theirs.destroy();
    server.close();
    expect(order).toEqual(['news', 'paused']);
  });

  it('ends at once when it is aborted', async () => {
    const abort = new WaitAbort();
    const paused = sharedPause(60_000, abort);
    abort.abort(new Error('over'));
    await expect(paused).resolves.toBeUndefined();
  });
});

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}
