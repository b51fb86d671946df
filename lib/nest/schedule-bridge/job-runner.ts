import { Logger } from '@nestjs/common';
import type { Job } from '../../jobs/job.js';
import type { JobDefinition, JobInvocation } from '../../jobs/job-definition.js';
import type { MethodRunner } from '../method-bridge/method-runner.js';
import type { RunRegistry } from '../run-registry.js';
import type { BridgedRun } from './bridged-prototype.js';
import { withInvocation } from './current-invocation.js';
import type { EnhancerInfo } from '../enhancer-mark.js';

/** One scheduled method of one instance. @internal */
export interface ScheduledMethod {
  readonly instance: object;
  readonly name: string;
  /** The lock that keeps its ticks apart; undefined where it has none. */
  readonly tickLock: EnhancerInfo | undefined;
}

/** Where a scheduled method belongs: a job, which decides what its timers mean. @internal */
export interface BoundJob {
  readonly job: Job;
  readonly definition: JobDefinition;
}

/**
 * Runs one scheduled method as Nest runs a handler: guards first, then interceptors around it. Where it has a lock of ours, its job
 * decides which calls of the scheduler are runs.
 *
 * @internal
 */
export class JobRunner implements BridgedRun {
  /** Set where the method has a lock of ours. */
  bound: BoundJob | undefined;

  constructor(
    private readonly scheduled: ScheduledMethod,
    private readonly runner: MethodRunner,
    private readonly runs: RunRegistry,
    readonly application: object,
  ) {}

  /** Rejects with what the job, a guard or an interceptor threw, for the scheduler to log. Does nothing during shutdown. */
  run(): Promise<unknown> {
    if (this.runs.stopping) return Promise.resolve(undefined);
    const running =
      this.bound === undefined ? this.runner.run([]) : this.bound.job.called(this.bound.definition);
    this.runs.addJob(running);
    return running;
  }

  /** One run, on its way through guards and interceptors. */
  async invoke(invocation: JobInvocation): Promise<unknown> {
    const { instance, name: method, tickLock } = this.scheduled;
    try {
      const current = { invocation, instance, method, tickLock };
      return await withInvocation(current, () => this.runner.run([], invocation));
    } catch (error) {
      // Its wait was refused by the shutdown: nothing ran, and there is nothing to report.
      if (this.runs.stopping && invocation.startedAt === undefined && invocation.kind !== 'run')
        return undefined;
      throw error;
    }
  }
}

/** What a guard's refusal of a job leaves in the log. @internal */
export function refusedBy(label: string): () => void {
  const logger = new Logger('PgLock');
  return () => logger.debug(`${label} was skipped: a guard refused.`);
}
