import { parseArgs } from 'node:util';
import ms, { type StringValue } from 'ms';

export interface Options {
  /** How long to run, in milliseconds; undefined is until Ctrl-C. */
  readonly forMs: number | undefined;
  /** Whether the job has its lock. */
  readonly locked: boolean;
}

export const USAGE =
  'npm start -- [--for 15s]\n\n  --for DURATION   check and end after so long (at least 4s), rather than at Ctrl-C';
const SHORTEST_MS = 4_000;

/** Undefined where the arguments cannot be read. `--without-lock` is for the test: the sample must be able to fail. */
export function readOptions(args: readonly string[]): Options | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { for: { type: 'string' }, 'without-lock': { type: 'boolean', default: false } },
    });
    const forMs = values.for === undefined ? undefined : ms(values.for as StringValue);
    if (forMs !== undefined && !(forMs >= SHORTEST_MS)) return undefined;
    return { forMs, locked: !values['without-lock'] };
  } catch {
    return undefined;
  }
}
