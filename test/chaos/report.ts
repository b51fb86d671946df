import { cpus } from 'node:os';
import { table } from './sections.mjs';
import type { ChaosResult, FaultResult } from './run.js';

/** Whether this is the long run, which writes docs/reliability.md; see test/chaos/full.mjs. */
export const isFullRun = process.env['PGLOCK_CHAOS'] === 'full';

/** On what it was run: numbers without it say nothing. */
export function machine(major: string): string {
  const { model = 'unknown processor' } = cpus()[0] ?? {};
  return `PostgreSQL ${major}, Node ${process.versions.node}, ${process.platform} ${process.arch}, ${String(cpus().length)} × ${model.trim()}`;
}

/** One row a fault: how often, how long until another had the lock and until the signal fired, and which came first. */
export function faultTable(runs: readonly ChaosResult[]): string {
  const faults = runs.flatMap((run) => run.faults);
  const violations = runs.flatMap((run) => run.violations);
  const byName = new Map<string, FaultResult[]>();
  for (const result of faults) byName.set(result.name, [...(byName.get(result.name) ?? []), result]);
  const rows = [...byName].sort(byKind).map(([name, results]) => {
    const firsts = results.flatMap(({ signalFirst }) => (signalFirst === undefined ? [] : [signalFirst]));
    const broken = violations.filter(({ what }) => what.includes(name)).length;
    return [
      name,
      results.length,
      results[0]?.outcome === 'kept' ? 'kept' : 'moved on',
      spread(results.map(({ othersMs }) => othersMs)),
      spread(results.map(({ signalMs }) => signalMs)),
      firsts.length === 0 ? '–' : `${String(firsts.filter(Boolean).length)} of ${String(firsts.length)}`,
      spread(results.map(({ shutdownMs }) => shutdownMs)),
      broken,
    ];
  });
  return table(
    [
      'Fault',
      'Times',
      'The lock',
      'Others have it after',
      '`signal` fires after',
      'Signal first',
      'Shutdown takes',
      'Violations',
    ],
    rows,
  );
}

/** What README promises, by the fault that shows it. */
const PROMISES: Record<string, string> = {
  'process killed (SIGKILL)': 'its process is killed (`kill -9`)',
  'backend terminated': 'its backend is terminated (`pg_terminate_backend`)',
  'TCP cut': 'its connection is cut',
  'server restarted, fast': 'the server restarts; counted from when it is back',
  'server killed (kill -9) and recovered': 'the server is killed and recovers; counted from when it is back',
  'process stopped for longer than the lease': 'its process is stopped (`kill -STOP`)',
  'event loop blocked for longer than the lease': 'its event loop is blocked',
  'TCP half-open': 'network partition (packets dropped silently)',
};

/** The table of README: what becomes of a holder, and when the next one and the holder itself know. */
export function promisesTable({ faults }: ChaosResult): string {
  const rows = Object.entries(PROMISES).map(([name, what]) => {
    const results = faults.filter((result) => result.name === name);
    const signals = spread(results.map(({ signalMs }) => signalMs));
    return [what, spread(results.map(({ othersMs }) => othersMs)), signals + whenItRuns(results)];
  });
  const leased = faults.filter(({ name }) => name === 'TCP half-open');
  const first = leased.filter(({ signalFirst }) => signalFirst).length;
  return `${table(['What happens to the holder', 'Another has the lock after', '`lock.signal` fires after'], rows)}

Median and worst of ${String(faults.length / rows.length)} each; ${machine('18')}. Where the lease ran out under a
process that runs, the signal came before the lock was free, in ${String(first)} of ${String(leased.length)}.`;
}

/** A process that stands still is told when it goes on. */
function whenItRuns([first]: readonly FaultResult[]): string {
  return first?.signalFirst === undefined && first?.signalMs !== undefined ? ', once it runs again' : '';
}

function byKind([a, [first]]: [string, FaultResult[]], [b, [second]]: [string, FaultResult[]]): number {
  return String(first?.outcome).localeCompare(String(second?.outcome)) * -1 || a.localeCompare(b);
}

/** Median and worst, in milliseconds. */
function spread(values: readonly (number | undefined)[]): string {
  const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  if (median === undefined) return '–';
  return sorted.length === 1
    ? `${round(median)} ms`
    : `${round(median)} ms (≤ ${round(sorted.at(-1) as number)})`;
}

function round(ms: number): string {
  return ms < 10 ? ms.toFixed(1) : Math.round(ms).toLocaleString('en').replaceAll(',', ' ');
}
