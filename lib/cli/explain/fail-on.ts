import { findHazard, HAZARDS } from '../../explain/hazards/hazard-names.js';
import type { ExplainFinding, ExplainReport } from '../../explain/report.js';
import { printable } from '../../vocabulary/printable.js';
import { CliError, EXIT } from '../exit.js';

const SEVERITIES: readonly ExplainFinding['severity'][] = ['info', 'warning', 'danger'];

/** Whether a finding is one of those that fail the run. @internal */
export type FailsOn = (finding: ExplainFinding) => boolean;

/**
 * Reads `--fail-on`: names and ids of hazards, or a severity, which means those from it on.
 *
 * @throws {CliError} when one is none of them.
 * @internal
 */
export function failsOn(words: readonly string[]): FailsOn {
  const wanted = words.filter((word) => word !== '').map((word) => one(word));
  if (wanted.length === 0 && words.length > 0) throw new CliError(EXIT.usage, '--fail-on names no hazard.');
  return (finding) => wanted.some((test) => test(finding));
}

function one(word: string): FailsOn {
  const level = SEVERITIES.findIndex((severity) => severity === word.toLowerCase());
  if (level !== -1) return ({ severity }) => SEVERITIES.indexOf(severity) >= level;
  const hazard = findHazard(word);
  if (hazard !== undefined) return ({ name }) => name === hazard.name;
  throw new CliError(
    EXIT.usage,
    `--fail-on: there is no hazard ${printable(word)}. There are: ${HAZARDS.map(({ name }) => name).join(', ')}; or info, warning, danger.`,
  );
}

/** Whether anything in the report fails the run. @internal */
export function isFailed({ statements }: ExplainReport, fails: FailsOn): boolean {
  return statements.some(({ findings }) => findings.some(fails));
}
