import { once } from 'node:events';
import { connect } from 'node:net';

/**
 * Kept-alive connections that each send one GET after the other. Written for answers whose end is known, so that it costs
 * little beside what it measures.
 */
export class HttpLoad {
  #sockets;
  #next = 0;

  static async open(port, connections) {
    const sockets = Array.from({ length: connections }, () =>
      connect({ host: '127.0.0.1', port, noDelay: true }),
    );
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    for (const socket of sockets) {
      socket.setEncoding('latin1');
      socket.on('close', () => socket.refuse?.(new Error('the application closed a connection')));
    }
    return new HttpLoad(sockets);
  }

  constructor(sockets) {
    this.#sockets = sockets;
  }

  /** Requests a second, and how long each took, for a while; each asks for an id that was never asked for. */
  async run(path, ms) {
    const times = [];
    const startedAt = performance.now();
    const deadline = startedAt + ms;
    await Promise.all(
      this.#sockets.map(async (socket) => {
        do times.push(await this.#get(socket, `${path}/${this.#next++}`));
        while (performance.now() < deadline);
      }),
    );
    return { perSecond: (times.length / (performance.now() - startedAt)) * 1000, times };
  }

  close() {
    for (const socket of this.#sockets) socket.destroy();
  }

  #get(socket, path) {
    return new Promise((resolve, reject) => {
      const startedAt = performance.now();
      let answer = '';
      socket.refuse = reject;
      const onData = (chunk) => {
        answer += chunk;
        if (!answer.endsWith('done')) return;
        socket.off('data', onData);
        if (answer.startsWith('HTTP/1.1 200')) resolve(performance.now() - startedAt);
        else reject(new Error(`the application answered: ${answer.slice(0, 200)}`));
      };
      socket.on('data', onData);
      socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`);
    });
  }
}
