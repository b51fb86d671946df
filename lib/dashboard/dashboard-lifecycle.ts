import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type CanActivate,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { ApplicationConfig, DiscoveryService, HttpAdapterHost, ModuleRef } from '@nestjs/core';
import type { LockDatabase } from '../core/lock-database.js';
import { PgLockConfigurationError } from '../errors/pg-lock-configuration.error.js';
import { DATABASE_CORE } from '../nest/database-lifecycle.js';
import { DASHBOARD_OPTIONS_TOKEN } from './dashboard.module-definition.js';
import type { ResolvedDashboardOptions } from './dashboard-options.js';
import { DatabaseDashboard } from './database-dashboard.js';
import { DashboardServer } from './http/dashboard-server.js';
import { PageFiles } from './http/page-files.js';
import { mountOnExpress, type ExpressApplication } from './mount/express-mount.js';
import { mountOnFastify, type FastifyInstance } from './mount/fastify-mount.js';
import { NestAccess } from './mount/nest-access.js';
import { resolveDashboardOptions } from './resolve-dashboard-options.js';
import { watchedDatabase } from './watched-core.js';

/**
 * Gives the page its routes when the application's own are there, and ends its streams when the application shuts down.
 *
 * @internal
 */
@Injectable()
export class DashboardLifecycle implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('PgLock');
  private readonly options: ResolvedDashboardOptions;
  private dashboards: readonly DatabaseDashboard[] = [];
  private server: DashboardServer | undefined;

  constructor(
    @Inject(DASHBOARD_OPTIONS_TOKEN) options: unknown,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(ModuleRef) private readonly moduleRef: ModuleRef,
  ) {
    this.options = resolveDashboardOptions(options);
  }

  async onModuleInit(): Promise<void> {
    this.dashboards = this.cores().map((core) => new DatabaseDashboard(watchedDatabase(core), this.options));
    const guards = await Promise.all(this.options.guards.map((guard) => this.guard(guard)));
    const { allowSignals, hideQueries, authorize } = this.options;
    const base = this.base();
    this.server = new DashboardServer({
      sources: this.dashboards,
      access: new NestAccess(DashboardLifecycle, guards, authorize),
      files: new PageFiles(),
      allowSignals,
      hideQueries,
      lastSegment: base.slice(base.lastIndexOf('/') + 1),
      failed: (error) => this.logger.error(`The dashboard could not answer: ${textOf(error)}`),
    });
    this.mount(base, this.server);
  }

  /** No connection is opened before. */
  onApplicationBootstrap(): void {
    if (this.options.historyMs !== null) for (const dashboard of this.dashboards) dashboard.keepWatching();
  }

  /** Streams would keep the server from closing; and another replica samples from now on. */
  async beforeApplicationShutdown(): Promise<void> {
    this.server?.close();
    await Promise.all(this.dashboards.map((dashboard) => dashboard.close()));
  }

  private mount(base: string, server: DashboardServer): void {
    const adapter = this.host.httpAdapter as typeof this.host.httpAdapter | undefined;
    const platform = adapter?.getType();
    if (adapter === undefined || (platform !== 'express' && platform !== 'fastify'))
      throw new PgLockConfigurationError(
        `PgLockDashboardModule: the page needs an HTTP application on Express or Fastify; got ${adapter === undefined ? 'none' : String(platform)}. \`npx pglock ui\` serves it by itself.`,
      );
    const instance: unknown = adapter.getInstance();
    const { allowSignals } = this.options;
    const taken =
      platform === 'express'
        ? mountOnExpress(instance as ExpressApplication, base, server, allowSignals)
        : mountOnFastify(instance as FastifyInstance, base, server, allowSignals);
    if (taken !== undefined)
      throw new PgLockConfigurationError(
        `PgLockDashboardModule: the application has a route ${taken} already: give the dashboard another path than '${this.options.path || '/'}'.`,
      );
  }

  /** Below the global prefix, and without a version. */
  private base(): string {
    const prefix = this.config.getGlobalPrefix().replace(/^\/+|\/+$/g, '');
    return `${prefix === '' ? '' : `/${prefix}`}${this.options.path}`;
  }

  private cores(): readonly LockDatabase[] {
    const found = this.discovery
      .getProviders()
      .filter(({ token }) => token === DATABASE_CORE)
      .map(({ instance }) => instance as LockDatabase);
    const byName = new Map(found.map((core) => [core.name, core]));
    if (byName.size === 0)
      throw new PgLockConfigurationError(
        'PgLockDashboardModule: there is no database to show: import PgLockModule.forRoot(…) as well.',
      );
    return (this.options.connections ?? [...byName.keys()]).map((name) => {
      const core = byName.get(name);
      if (core !== undefined) return core;
      throw new PgLockConfigurationError(
        `PgLockDashboardModule: connections names '${name}', which no PgLockModule is called. There are: ${[...byName.keys()].join(', ')}.`,
      );
    });
  }

  /** The application's own, where it has it; else one that is made for the page. */
  private async guard(guard: Type<CanActivate> | CanActivate): Promise<CanActivate> {
    if (typeof guard !== 'function') return guard;
    try {
      return this.moduleRef.get<CanActivate>(guard, { strict: false });
    } catch {
      return this.moduleRef.create(guard);
    }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
