import type { AllowComment } from './sql-statement.js';

const ALLOW = /^(?:--+|\/\*+)\s*pglock:\s*allow\s+([\w-]+(?:\s*,\s*[\w-]+)*)/i;

/** Reads a comment that silences findings: `-- pglock: allow H07 reason`, or several: `allow H07, H09 reason`. @internal */
export function allowComment(comment: string, line: number): AllowComment | undefined {
  const named = ALLOW.exec(comment)?.[1];
  return named === undefined ? undefined : { hazards: named.split(',').map((name) => name.trim()), line };
}
