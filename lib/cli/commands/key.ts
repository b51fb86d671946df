import { advisoryNamesOf } from '../../inspection/names/advisory-names.js';
import type { RegisteredNames } from '../../inspection/names/registered-names.js';
import { resolveNames } from '../../inspection/names/resolve-names.js';
import { lockKey, type AdvisoryKey, type LockId } from '../../vocabulary/lock-id.js';
import { keyHex, keyText, lockIdOf, pairText } from '../../vocabulary/lock-key-text.js';
import { readConfigFile } from '../config-file.js';
import { chooseDatabase } from '../database.js';
import { EXIT } from '../exit.js';
import { print, printJson, type Io } from '../io.js';
import { oneLine } from '../../vocabulary/one-line.js';

/** The options of `pglock key` as they are typed. @internal */
export interface KeyFlags {
  readonly database?: string;
  readonly json?: boolean;
}

/** `pglock key ID`: asks no server. @returns the exit code. @internal */
export async function key(io: Io, typed: string, flags: KeyFlags): Promise<number> {
  const config = await readConfigFile(io.cwd);
  const { namespace } = chooseDatabase(flags.database, config, {});
  const { registered } = resolveNames(config.names);
  const id = lockIdOf(typed);
  const found = lockKey(id, namespace);
  const facts = factsOf(id, namespace, found.toAdvisoryKey(), registered);
  if (flags.json) printJson(io, { ...facts, key: found.toAdvisoryKey() });
  else
    print(
      io,
      Object.entries(facts).map(([name, text]) => `${name.padEnd(9)} ${oneLine(text)}`),
    );
  return EXIT.done;
}

function factsOf(
  id: LockId,
  namespace: string,
  found: AdvisoryKey,
  names: RegisteredNames,
): Record<string, string> {
  const text = keyText(found);
  const others = advisoryNamesOf(found, { names }).map(({ name }) => name);
  return {
    id: typeof id === 'string' ? namespace + id : text,
    number: found.objSubId === 1 ? text : 'none: two integers are a key space of their own',
    pair: pairText(found),
    hex: keyHex(found),
    pg_locks: `classid ${found.classId}, objid ${found.objId}, objsubid ${found.objSubId}`,
    sql: `SELECT pg_advisory_xact_lock(${text});`,
    ...(typeof id === 'string' ? { 'from text': sqlOfText(namespace + id) } : {}),
    ...(others.length === 0 ? {} : { 'used by': others.join('; ') }),
  };
}

/** The hash rule in SQL: the first eight bytes of the SHA-256, little-endian. */
function sqlOfText(text: string): string {
  const literal = `'${text.replaceAll("'", "''")}'`;
  return `SELECT bit_or(get_byte(sha256(convert_to(${literal}, 'UTF8')), i)::bigint << 8 * i) FROM generate_series(0, 7) i;`;
}
