import { bold, green, red, say, seconds } from './screen.js';
import type { Traffic } from './traffic.js';
import type { Verdict } from './verdict.js';

/** What happened beside the ticks. */
export class Statistics {
  /** From each SIGKILL to the next run of the job, in milliseconds. */
  readonly takeovers: number[] = [];
  closed = 0;
  refused = 0;
  payments = 0;
  longestWaitMs = 0;

  note({ closing, payments }: Traffic): void {
    this.closed += closing.filter(({ status }) => status < 300).length;
    this.refused += closing.filter(({ status }) => status === 423).length;
    const answers = payments.flatMap((payment) => payment.answers);
    this.payments += answers.length;
    this.longestWaitMs = Math.max(this.longestWaitMs, ...answers.map(({ waitedMs }) => waitedMs));
  }
}

export function printSummary(
  verdict: Verdict,
  statistics: Statistics,
  numberOf: (tick: number) => number,
): void {
  const { ticks, runs, twice, lost } = verdict;
  say();
  say(
    verdict.ok
      ? green(bold(`✓ ${ticks} ticks, ${runs} runs: each tick ran once, none was lost.`))
      : red(bold(`✗ ${ticks} ticks, ${runs} runs.`)),
  );
  for (const { tick, replicas } of twice)
    say(red(`  tick ${numberOf(tick)} ran ${replicas.length} times: ${replicas.join(', ')}`));
  if (lost.length > 0) say(red(`  lost: tick ${lost.map(numberOf).join(', ')}`));
  const { takeovers, closed, refused, payments, longestWaitMs } = statistics;
  if (takeovers.length > 0) say(`  takeover after SIGKILL: ${takeovers.map(seconds).join(', ')}`);
  say(`  POST closing: ${closed} done, ${refused} refused with 423`);
  say(`  POST orders/:id/payments: ${payments} done, the longest wait ${longestWaitMs} ms`);
}
