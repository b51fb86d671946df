import {
  HttpException,
  HttpStatus,
  Injectable,
  Logger,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
  type Type,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { Observable } from 'rxjs';
import { LockNotAvailableError } from '../../errors/lock-not-available.error.js';
import type { AdvisoryLockOptions } from '../../locks/advisory-options.js';
import type { ResolvedAdvisoryOptions } from '../../locks/resolve-advisory-options.js';
import type { LockIds } from '../../pg-lock.service.js';
import { platformSignal, WaitAbort, type WaitSignal } from '../../vocabulary/wait-abort.js';
import { onceClientGone } from '../context/client-presence.js';
import { isGrpc } from '../context/grpc-call.js';
import { HttpExchange } from '../context/http-exchange.js';
import { withCurrentLock } from '../current-lock.js';
import { declareEnhancer } from '../declare-enhancer.js';
import { enhancerInfo } from '../enhancer-mark.js';
import { contentionException } from '../exceptions/contention-exception.js';
import { checkLockOptions, lockOptions, type AdvisoryLockHandlerOptions } from '../handler-options.js';
import { requireRuntime, type LockRuntime } from '../lock-runtime.js';
import { checkKnownIds, handlerLockIds, idAndOptions, type HandlerLockIds } from '../lock-target-id.js';
import { emptyAnswer } from './empty-answer.js';
import type { TakenLock } from '../../jobs/job-definition.js';
import { ScheduleContext } from '../schedule-bridge/schedule-context.js';
import { takeTick, withWait } from '../schedule-bridge/take-tick.js';
import { claimAdmitted, keepAdmitted } from '../sse/admitted-locks.js';
import { heldUnderHandle } from './held-around.js';
import { whileHeld, type Held } from './held-handler.js';

/** The options of all calls, as they were given and as they were read. */
interface ReadOptions {
  readonly options: AdvisoryLockOptions;
  readonly resolved: ResolvedAdvisoryOptions;
}

/**
 * Holds an advisory lock while a handler runs; made by {@link AdvisoryLock}. Extend it to answer contention in another way.
 *
 * Sends what `PgLockService.advisory` sends.
 *
 * @publicApi
 */
export abstract class AdvisoryLockInterceptor implements NestInterceptor {
  private readonly logger = new Logger('PgLock');
  private readonly names = new WeakMap<object, { readonly host: unknown; readonly name: string }>();
  private readonly onHandlers: ReadOptions;
  private readonly onJobs: ReadOptions;

  /** @throws {PgLockUsageError} when the id or a Duration is not allowed: the application does not boot. */
  constructor(
    private readonly runtime: LockRuntime,
    private readonly ids: HandlerLockIds | undefined,
    options: AdvisoryLockHandlerOptions,
  ) {
    checkLockOptions(options);
    this.onHandlers = this.read(lockOptions(options, false));
    this.onJobs = this.read(lockOptions(options, true));
    checkKnownIds(ids, runtime.core.service);
  }

  /** The lock is held until the handler's promise settles, or its Observable or stream ends. */
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const admitted = claimAdmitted(context, this.constructor);
    const take = (abort: WaitAbort): Promise<Held | undefined> =>
      admitted === undefined ? this.takeFor(context, abort) : Promise.resolve(admitted);
    const refused = (error: unknown): unknown =>
      error instanceof LockNotAvailableError ? this.refused(error, context) : error;
    return whileHeld(
      context,
      next,
      { take, refused, skipped: () => this.skipped(context) },
      this.runtime.runs,
    );
  }

  /**
   * Takes the lock before the answer begins, for {@link intercept} to hold.
   *
   * @throws {HttpException} what is to be answered where the handler is not to run.
   * @internal
   */
  async admit(context: ExecutionContext): Promise<void> {
    const abort = new WaitAbort();
    const stopWatching = onceClientGone(context, () =>
      abort.abort(new HttpException('The client disconnected while its handler waited for the lock.', GONE)),
    );
    try {
      const held = await this.takeFor(context, abort);
      if (held === undefined) {
        this.logSkip(context);
        throw new HttpException('', HttpStatus.NO_CONTENT); // what was skipped is answered with nothing
      }
      keepAdmitted(context.switchToHttp().getResponse<object>(), this.constructor, held);
    } catch (error) {
      throw error instanceof LockNotAvailableError ? await this.refused(error, context) : error;
    } finally {
      stopWatching();
    }
  }

  /** The error that answers contention: 423 over HTTP, the transport's own exception elsewhere. Override it for another one. */
  protected refusal(error: LockNotAvailableError, context: ExecutionContext): Error | Promise<Error> {
    return contentionException(error, context, this.runtime.answering);
  }

  private async refused(error: LockNotAvailableError, context: ExecutionContext): Promise<Error> {
    return this.refusal(await this.runtime.named(error), context);
  }

  private takeFor(context: ExecutionContext, abort: WaitAbort): Promise<Held | undefined> {
    const job = ScheduleContext.of(context);
    const ids = handlerLockIds(this.ids, context);
    const name = this.nameOf(context.getHandler(), context);
    const begin = (found: LockIds) =>
      job === undefined
        ? this.take(found, this.onHandlers, abort, name)
        : this.takeForJob(found, job, abort, name);
    return ids instanceof Promise ? ids.then(begin) : begin(ids);
  }

  /** To read the names of a class and of a method costs more than to look up what they were. */
  private nameOf(handler: object, context: ExecutionContext): string {
    const known = this.names.get(handler);
    if (known?.host === context.getClass()) return known.name;
    const name = nameOf(context);
    this.names.set(handler, { host: context.getClass(), name });
    return name;
  }

  private read(options: AdvisoryLockOptions): ReadOptions {
    return { options, resolved: this.runtime.core.advisory.resolve(options) };
  }

  /** For a tick as it decides; else like a handler where it was asked for by hand, and without waiting for all others. */
  private async takeForJob(
    ids: LockIds,
    { invocation, tickLock }: ScheduleContext,
    signal: WaitSignal,
    name: string,
  ): Promise<Held | undefined> {
    const given = invocation?.kind === 'run' ? this.onHandlers : this.onJobs;
    const isTickLock = tickLock === enhancerInfo(this);
    if (invocation?.kind !== 'tick') {
      const held = await this.take(ids, given, signal, name);
      if (held !== undefined && (isTickLock || tickLock === undefined)) invocation?.took(held.keys);
      return held;
    }
    return takeTick(invocation, isTickLock, { given: given.resolved, id: ids, signal }, (options) =>
      this.take(ids, withWait(given, options), options.signal, name),
    );
  }

  /** At session level; in a transaction where the lock is to end with one. */
  private take(
    ids: LockIds,
    { options, resolved }: ReadOptions,
    given: WaitSignal,
    name: string,
  ): Promise<(Held & TakenLock) | undefined> {
    const { advisory, service } = this.runtime.core;
    if (options.xact !== true) return advisory.hold(ids, { ...resolved, signal: given }, 'throw', name);
    const signal = platformSignal(given);
    return heldUnderHandle((run) =>
      service.advisory(ids, { ...options, signal }, (lock) => withCurrentLock(lock, () => run(lock))),
    );
  }

  private skipped(context: ExecutionContext): unknown {
    this.logSkip(context);
    const http = HttpExchange.of(context);
    if (http !== undefined) emptyAnswer(http);
    return isGrpc(context) ? {} : undefined;
  }

  private logSkip(context: ExecutionContext): void {
    this.logger.debug(`${nameOf(context)} was skipped: its lock is held elsewhere.`);
  }
}

function nameOf(context: ExecutionContext): string {
  return `${context.getClass().name}.${context.getHandler().name}`;
}

/** As proxies call what a client did not wait for. No one reads it, and Nest does not log it. */
const GONE = 499;

/** The constructor that classes for {@link AdvisoryLock} have. @publicApi */
export type AdvisoryLockInterceptorClass = abstract new (
  runtime: LockRuntime,
  ids: HandlerLockIds | undefined,
  options: AdvisoryLockHandlerOptions,
) => AdvisoryLockInterceptor;

/**
 * An interceptor class for `@UseInterceptors`, on handlers, on `@Cron`, `@Interval` and `@Timeout` methods, or on classes.
 *
 * Handlers wait, and throw on contention: HTTP answers with 423 and `Retry-After`, or with an empty 204 if `onContention` is
 * `'skip'`. Jobs do not wait, skip on contention, and keep their lock between runs. The lock is released when the handler's promise
 * settles, or its Observable or stream ends.
 *
 * Sends what `PgLockService.advisory` sends.
 *
 * @example `@UseInterceptors(AdvisoryLock((ctx) => 'order:' + ctx.switchToHttp().getRequest().params.id))`
 * @param id what to lock: ids, or a function of the `ExecutionContext`. @default `${Class.name}.${method}`
 * @param options those of `advisory`, and `connection`; on jobs also `catchUp`, `job` and `giveBackAfter`.
 * @param Interceptor a class of your own that extends {@link AdvisoryLockInterceptor}.
 * @throws {PgLockUsageError} when the id or an option is not allowed.
 * @throws {PgLockConfigurationError} (the boot does) where the method would run without its lock.
 * @see https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
 * @publicApi
 */
export function AdvisoryLock(
  id?: HandlerLockIds,
  options?: AdvisoryLockHandlerOptions,
  Interceptor?: AdvisoryLockInterceptorClass,
): Type<NestInterceptor>;
export function AdvisoryLock(options: AdvisoryLockHandlerOptions): Type<NestInterceptor>;
export function AdvisoryLock(
  first?: HandlerLockIds | AdvisoryLockHandlerOptions,
  second?: AdvisoryLockHandlerOptions,
  Interceptor: AdvisoryLockInterceptorClass = AdvisoryLockInterceptor,
): Type<NestInterceptor> {
  const { id, options = {} } = idAndOptions<HandlerLockIds, AdvisoryLockHandlerOptions>(first, second);
  @Injectable()
  class AdvisoryLockMixin extends Interceptor {
    constructor(runtime?: LockRuntime, modules?: ModulesContainer) {
      super(requireRuntime('AdvisoryLock', options.connection, runtime, modules), id, options);
    }
  }
  declareEnhancer(AdvisoryLockMixin, {
    decorator: 'AdvisoryLock',
    isGuard: false,
    hasId: true,
    ids: id,
    reentrant: (options as { readonly reentrant?: boolean }).reentrant,
    connection: options.connection,
    lock: options,
  });
  return AdvisoryLockMixin;
}
