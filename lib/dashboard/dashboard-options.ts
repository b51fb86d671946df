import type { CanActivate, Type } from '@nestjs/common';
import type { Duration } from '../vocabulary/duration.js';

/**
 * Who may look: true, or a name that is kept with what they do, lets in; everything else is answered with 403. Asked for
 * every request, and again at least once a minute while a page stays open.
 *
 * @param request that of Express or Fastify, after middleware and `guards`.
 * @publicApi
 */
export type AuthorizeDashboard = (
  // Whose type it is depends on the platform and on what guards have put there, as with Nest's own `getRequest()`.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  request: any,
) => boolean | string | null | undefined | Promise<boolean | string | null | undefined>;

/** The options of `PgLockDashboardModule.forRoot`. @publicApi */
export interface PgLockDashboardOptions {
  /** Where the page stands, below the application's global prefix and without a version. @default '/pglock' */
  readonly path?: string | undefined;
  /** Who may look. `false` says in words that everyone may; then nothing can be done from there. */
  readonly authorize: AuthorizeDashboard | false;
  /** Guards that run before `authorize`, and no others: by class, or made. @default [] */
  readonly guards?: readonly (Type<CanActivate> | CanActivate)[] | undefined;
  /** Whether sessions can be cancelled and terminated, and jobs run and given back, from the page. @default false */
  readonly allowSignals?: boolean | undefined;
  /** How far back the timeline reaches, looked at or not; at most a day. @default only what was seen while the page was open */
  readonly history?: Duration | undefined;
  /** The databases to show, by their names. @default all of the application */
  readonly connections?: readonly string[] | undefined;
  /** Leave statements out: for databases whose literals are personal. @default false */
  readonly hideQueries?: boolean | undefined;
}

/** What a class given to `forRootAsync({ useClass })` or `useExisting` implements. @publicApi */
export interface PgLockDashboardOptionsFactory {
  /** Makes the options, once, while the application boots. */
  createPgLockDashboardOptions(): PgLockDashboardOptions | Promise<PgLockDashboardOptions>;
}

/** {@link PgLockDashboardOptions}, checked. @internal */
export interface ResolvedDashboardOptions {
  /** Begins with a slash and ends with none; empty for the root. */
  readonly path: string;
  readonly authorize: AuthorizeDashboard | false;
  readonly guards: readonly (Type<CanActivate> | CanActivate)[];
  readonly allowSignals: boolean;
  readonly historyMs: number | null;
  readonly connections: readonly string[] | undefined;
  readonly hideQueries: boolean;
}
