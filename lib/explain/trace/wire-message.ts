/** The letters of messages, as codes. The same letter may mean another thing in each direction. @internal */
export const WIRE = {
  query: 0x51, // Q
  parse: 0x50, // P
  bind: 0x42, // B
  describe: 0x44, // D
  execute: 0x45, // E
  close: 0x43, // C
  flush: 0x48, // H
  sync: 0x53, // S
  functionCall: 0x46, // F
  copyData: 0x64, // d
  copyDone: 0x63, // c
  copyFail: 0x66, // f
  terminate: 0x58, // X
  dataRow: 0x44, // D
  commandComplete: 0x43, // C
  error: 0x45, // E
  ready: 0x5a, // Z
  notice: 0x4e, // N
  notification: 0x41, // A
  parameterStatus: 0x53, // S
  parseComplete: 0x31, // 1
  bindComplete: 0x32, // 2
  closeComplete: 0x33, // 3
  parameterDescription: 0x74, // t
  rowDescription: 0x54, // T
  noData: 0x6e, // n
  emptyQuery: 0x49, // I
  portalSuspended: 0x73, // s
  copyIn: 0x47, // G
  copyOut: 0x48, // H
  copyBoth: 0x57, // W
} as const;

/** A message: its letter, its length, its parts. Texts are ended by a zero byte; numbers are 16-bit. @internal */
export function message(type: number, ...parts: readonly (string | number | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map(bytesOf));
  const head = Buffer.alloc(5);
  head.writeUInt8(type, 0);
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

function bytesOf(part: string | number | Buffer): Buffer {
  if (typeof part === 'string') return Buffer.from(`${part}\0`);
  if (typeof part !== 'number') return part;
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(part);
  return bytes;
}

/** A 32-bit number. @internal */
export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** One byte. @internal */
export function byte(value: string): Buffer {
  return Buffer.from(value, 'latin1');
}

/** The text that begins at an offset, and the offset behind its zero byte. @internal */
export function textAt(bytes: Buffer, from: number): readonly [text: string, next: number] {
  const end = bytes.indexOf(0, from);
  return end === -1
    ? [bytes.toString('utf8', from), bytes.length]
    : [bytes.toString('utf8', from, end), end + 1];
}

/** The fields of an ErrorResponse or NoticeResponse by their letters. @see https://www.postgresql.org/docs/current/protocol-error-fields.html @internal */
export function errorFields(bytes: Buffer): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (let at = 5; at < bytes.length && bytes[at] !== 0;) {
    const letter = String.fromCharCode(bytes[at] ?? 0);
    const [text, next] = textAt(bytes, at + 1);
    fields.set(letter, text);
    at = next;
  }
  return fields;
}

/** An ErrorResponse of our own. @internal */
export function errorMessage(code: string, text: string, severity = 'ERROR'): Buffer {
  const fields = [`S${severity}`, `V${severity}`, `C${code}`, `Mpglock: ${text}`];
  return message(WIRE.error, ...fields, byte('\0'));
}

/** The text of the only column of a DataRow. @internal */
export function onlyColumn(bytes: Buffer): string {
  const length = bytes.readInt32BE(7);
  return length < 0 ? '' : bytes.toString('utf8', 11, 11 + length);
}
