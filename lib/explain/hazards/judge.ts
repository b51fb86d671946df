import type { ExplainFinding } from '../report.js';
import type { ObservedStatement } from '../run/observed-statement.js';
import { CONSTRAINT_RULES } from './constraint-rules.js';
import { findHazard, hazardNamed } from './hazard-names.js';
import { INDEX_RULES } from './index-rules.js';
import { LOCK_RULES } from './lock-rules.js';
import { PARTITION_RULES } from './partition-rules.js';
import { ROW_RULES } from './row-rules.js';
import { judged, type Found } from './rule.js';
import { TABLE_RULES } from './table-rules.js';

const RULES = [
  ...LOCK_RULES,
  ...TABLE_RULES,
  ...ROW_RULES,
  ...INDEX_RULES,
  ...CONSTRAINT_RULES,
  ...PARTITION_RULES,
];

/** The hazards of one statement of a run that it does not allow, the worst first. @internal */
export function findingsOf(run: readonly ObservedStatement[], index: number): ExplainFinding[] {
  const facts = judged(run, index);
  const { statement } = facts;
  const allowed = new Set(
    statement.allows.flatMap(({ hazards }) => hazards.map((text) => findHazard(text)?.name)),
  );
  return RULES.flatMap((rule) => rule(facts) ?? [])
    .filter(({ name }) => !allowed.has(name))
    .map(withHazard)
    .sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity) || (a.id < b.id ? -1 : 1));
}

const ORDER: readonly ExplainFinding['severity'][] = ['danger', 'warning', 'info'];

function withHazard({ name, title, remedy }: Found): ExplainFinding {
  const { id, severity } = hazardNamed(name);
  return { id, name, severity, title, remedy };
}
