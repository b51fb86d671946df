import type { AdvisoryKey, LockId } from './lock-id.js';

/** A key as it is typed in SQL: `72707369` for a `bigint`, `1074944137,7` for a pair. @internal */
export function keyText(key: AdvisoryKey): string {
  return key.objSubId === 2 ? pairText(key) : String(int8Of(key));
}

/** An id as it is typed after `--id`. @internal */
export function idText(id: LockId): string {
  return typeof id === 'object' ? id.join(',') : String(id);
}

/** The two halves as signed integers, whichever key space it is of. @internal */
export function pairText({ classId, objId }: AdvisoryKey): string {
  return `${classId | 0},${objId | 0}`;
}

/** `0x4554a1b2`, or `0x40128b49,0x7` for a pair: the bits, unsigned. @internal */
export function keyHex(key: AdvisoryKey): string {
  const { classId, objId, objSubId } = key;
  if (objSubId === 2) return `0x${classId.toString(16)},0x${objId.toString(16)}`;
  return `0x${BigInt.asUintN(64, int8Of(key)).toString(16)}`;
}

/** @internal */
export function int8Of({ classId, objId }: AdvisoryKey): bigint {
  return BigInt.asIntN(64, (BigInt(classId) << 32n) | BigInt(objId));
}

const NUMBER = String.raw`-?\d+|0x[0-9a-f]+`;
const WHOLE = new RegExp(`^(?:${NUMBER})$`, 'i');
const PAIR = new RegExp(String.raw`^(${NUMBER}),\s?(${NUMBER})$`, 'i');
const TRIPLE = /^(\d{1,10}):(\d{1,10}):([12])$/;

/**
 * An id as it is typed: `42` and `0x2a` are numbers, `1,2` a pair, `"42"` (in its quotes) a text, and so is everything else.
 * Halves may be signed, or unsigned as `pg_locks` shows them.
 *
 * @internal
 */
export function lockIdOf(text: string): LockId {
  if (WHOLE.test(text)) return isHex(text) ? BigInt.asIntN(64, BigInt(text)) : BigInt(text);
  const pair = PAIR.exec(text);
  if (pair) return [halfOf(pair[1] as string), halfOf(pair[2] as string)];
  return /^".*"$/s.test(text) ? text.slice(1, -1) : text;
}

/** The key that a text means; undefined where it is none. @internal */
export function keyOfText(text: string): AdvisoryKey | undefined {
  const triple = TRIPLE.exec(text);
  if (triple)
    return { classId: Number(triple[1]), objId: Number(triple[2]), objSubId: triple[3] === '2' ? 2 : 1 };
  const id = lockIdOf(text);
  if (typeof id === 'bigint' && BigInt.asIntN(64, id) === id)
    return {
      classId: Number(BigInt.asUintN(32, id >> 32n)),
      objId: Number(BigInt.asUintN(32, id)),
      objSubId: 1,
    };
  if (typeof id !== 'object') return undefined;
  return { classId: id[0] >>> 0, objId: id[1] >>> 0, objSubId: 2 };
}

function isHex(text: string): boolean {
  return /^0x/i.test(text);
}

/** Figures that only fit unsigned are what `pg_locks` shows. */
function halfOf(text: string): number {
  const value = Number(text);
  return value > 2 ** 31 - 1 && value < 2 ** 32 ? value | 0 : value;
}
