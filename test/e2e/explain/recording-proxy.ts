import { connect, createServer, type AddressInfo } from 'node:net';
import { WireSplitter } from '../../../lib/explain/trace/wire-splitter.js';

/** What a tool was told on one connection: a line a message. */
export interface Recorded {
  readonly port: number;
  /** One list a connection, in the order in which they were opened. */
  readonly connections: readonly string[][];
  close(): void;
}

const ASYNCHRONOUS = new Set(['R', 'K', 'v']);

/** Stands between a tool and a server, passes everything on, and writes down what the server says after authentication. */
export async function recordingProxy(target: {
  readonly host: string;
  readonly port: number;
}): Promise<Recorded> {
  const connections: string[][] = [];
  const server = createServer({ noDelay: true }, (client) => {
    const lines: string[] = [];
    connections.push(lines);
    const upstream = connect({ ...target, noDelay: true });
    const splitter = new WireSplitter(() => false);
    client.on('error', () => undefined).on('close', () => upstream.destroy());
    upstream.on('error', () => undefined).on('close', () => client.destroy());
    client.on('data', (chunk) => upstream.write(chunk));
    let plain = false;
    upstream.on('data', (chunk) => {
      client.write(chunk);
      if (!plain && chunk.length === 1) return; // the answer to a request for encryption
      plain = true;
      for (const { type, bytes } of splitter.push(chunk)) {
        const letter = String.fromCharCode(type);
        if (!ASYNCHRONOUS.has(letter)) lines.push(`${letter} ${normal(withoutTables(letter, bytes))}`);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, connections, close: () => server.close() };
}

/** The body of a message; of a RowDescription without the object ids of tables, of a notification without the process id. */
function withoutTables(letter: string, message: Buffer): Buffer {
  const body = Buffer.from(message.subarray(5));
  if (letter === 'A') body.fill(0, 0, 4);
  if (letter !== 'T') return body;
  for (let at = 2; at < body.length;) {
    const end = body.indexOf(0, at) + 1;
    body.fill(0, end, end + 4);
    at = end + 18;
  }
  return body;
}

/** Without what differs between any two runs: times, object ids, ports, process ids, lines of the server's source. */
function normal(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(\+\d\d|Z)?/g, '<time>')
    .replace(/L\d+\0/g, 'L<line>\0')
    .replace(/\b1[67]\d{11}\b|\b\d{17}\b/g, '<time>')
    .replace(/\b[1-9]\d{4,6}\b/g, '<oid>')
    .replace(/[^\x20-\x7e]+/g, '·');
}
