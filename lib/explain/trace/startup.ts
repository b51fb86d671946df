import type { Duplex } from 'node:stream';
import { anyEvent } from './any-event.js';
import { int32, textAt } from './wire-message.js';

const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;
const CANCEL_REQUEST = 80_877_102;
const PROTOCOL_3 = 3;
/** The server's own limit. */
const MOST = 10_000;

/** What a client opened its connection with. @internal */
export type Opening =
  | {
      readonly kind: 'startup';
      readonly parameters: ReadonlyMap<string, string>;
      readonly minor: number;
      readonly stream: Duplex;
    }
  | { readonly kind: 'cancel'; readonly pid: number; readonly secretKey: number }
  | { readonly kind: 'none' };

/** Makes a stream speak TLS. @internal */
export type StartTls = (stream: Duplex) => Promise<Duplex>;

/**
 * Reads what a client says first, and answers its requests for encryption.
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html
 * @internal
 */
export async function readOpening(socket: Duplex, startTls: StartTls): Promise<Opening> {
  let stream = socket;
  for (;;) {
    const packet = await readPacket(stream, 0);
    if (packet === undefined) return { kind: 'none' };
    const code = packet.readUInt32BE(4);
    if (code === SSL_REQUEST && stream === socket) {
      // What came with the request would pass for encrypted.
      if (stream.readableLength > 0) return { kind: 'none' };
      stream.write('S');
      stream = await startTls(stream);
    } else if (code === SSL_REQUEST || code === GSS_REQUEST) stream.write('N');
    else if (code === CANCEL_REQUEST)
      return { kind: 'cancel', pid: packet.readInt32BE(8), secretKey: packet.readInt32BE(12) };
    else if (code >>> 16 !== PROTOCOL_3) return { kind: 'none' };
    else return { kind: 'startup', parameters: parametersOf(packet), minor: code & 0xffff, stream };
  }
}

/** A message with (1) or without (0) a letter before its length; undefined when the client goes, or sends what is none. @internal */
export async function readPacket(stream: Duplex, letters: 0 | 1): Promise<Buffer | undefined> {
  const head = await readBytes(stream, 4 + letters);
  const length = head?.readUInt32BE(letters) ?? 0;
  if (head === undefined || length < 4 || length > MOST) return undefined;
  const body = length === 4 ? Buffer.alloc(0) : await readBytes(stream, length - 4);
  return body === undefined ? undefined : Buffer.concat([head, body]);
}

async function readBytes(stream: Duplex, size: number): Promise<Buffer | undefined> {
  for (;;) {
    const bytes = stream.read(size) as Buffer | null;
    if (bytes !== null) return bytes.length === size ? bytes : undefined;
    if (stream.readableEnded || stream.destroyed) return undefined;
    await anyEvent(stream, 'readable', 'end', 'close', 'error');
  }
}

function parametersOf(packet: Buffer): Map<string, string> {
  const parameters = new Map<string, string>();
  for (let at = 8; at < packet.length && packet[at] !== 0;) {
    const [name, next] = textAt(packet, at);
    const [value, end] = textAt(packet, next);
    parameters.set(name, value);
    at = end;
  }
  return parameters;
}

/** A startup message of protocol 3.0. @internal */
export function startupMessage(parameters: ReadonlyMap<string, string>): Buffer {
  const texts = [...parameters].flatMap(([name, value]) => [name, value]);
  const body = Buffer.concat([...texts.map((text) => Buffer.from(`${text}\0`)), Buffer.alloc(1)]);
  return Buffer.concat([int32(body.length + 8), int32(PROTOCOL_3 << 16), body]);
}
