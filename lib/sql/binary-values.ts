import type { LockKey } from '../vocabulary/lock-id.js';

/** `pg_type.oid` of `int8`. */
const INT8 = 20;
const HEADER = 20;
const ELEMENT = 12;

/** A key as PostgreSQL sends an `int8` in binary, which costs neither side a conversion. @internal */
export function int8(key: LockKey): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeUInt32BE(key.classId, 0);
  bytes.writeUInt32BE(key.objId, 4);
  return bytes;
}

/**
 * Keys as PostgreSQL sends an `int8[]` in binary: dimensions, whether any is null, type; length and lower bound of the one
 * dimension; then each element behind its length.
 *
 * @internal
 */
export function int8Array(ops: readonly { readonly key: LockKey }[]): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER + ELEMENT * ops.length);
  [1, 0, INT8, ops.length, 1].forEach((value, index) => bytes.writeInt32BE(value, index * 4));
  let at = HEADER;
  for (const { key } of ops) {
    bytes.writeInt32BE(8, at);
    bytes.writeUInt32BE(key.classId, at + 4);
    bytes.writeUInt32BE(key.objId, at + 8);
    at += ELEMENT;
  }
  return bytes;
}

/** What {@link int8} or {@link int8Array} made, as text; other values as they are. @internal */
export function asText(value: unknown): unknown {
  if (!Buffer.isBuffer(value)) return value;
  if (value.length === 8) return String(value.readBigInt64BE(0));
  const elements = Array.from({ length: value.readInt32BE(12) }, (_, index) =>
    value.readBigInt64BE(HEADER + ELEMENT * index + 4),
  );
  return `{${elements.join(',')}}`;
}
