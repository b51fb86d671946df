import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { PgLockConfigurationError } from '../errors/pg-lock-configuration.error.js';
import { VERSION } from '../vocabulary/version.js';
import type { LockSource } from './lock-channels.js';
import { lockGauges, lockMetrics } from './lock-metrics.js';
import { lockSpans } from './lock-spans.js';
import type { LockStatus } from './lock-status.js';
import type { OpenTelemetryApi } from './open-telemetry-api.js';
import type { Reporter } from './reporter.js';
import type { ResolvedTelemetryOptions } from './telemetry-options.js';

/** A module that is to be reported on. @internal */
export interface Reported {
  readonly source: LockSource;
  status(): LockStatus;
}

const LIBRARY = 'nestjs-pglock';
/** Not a literal, so that the compiler and bundlers do not look for a package that is optional. */
const OPTIONAL_PACKAGE = ['@opentelemetry', 'api'].join('/');

/**
 * Reports on one module to OpenTelemetry until the function that it resolves to is called.
 *
 * @throws {PgLockConfigurationError} when `@opentelemetry/api` is not installed, and no `api` was given.
 * @internal
 */
export async function startTelemetry(
  reported: Reported,
  { api, metrics, traces }: ResolvedTelemetryOptions,
): Promise<() => void> {
  const telemetry = api ?? (await installedApi());
  const stops: (() => void)[] = [];
  if (metrics) {
    const meter = telemetry.metrics.getMeter(LIBRARY, VERSION);
    stops.push(lockGauges(meter, reported.source, () => reported.status()));
    stops.push(listen(reported.source, lockMetrics(meter)));
  }
  if (traces) stops.push(listen(reported.source, lockSpans(telemetry.trace.getTracer(LIBRARY, VERSION))));
  return () => {
    for (const stop of stops) stop();
  };
}

/** Gives a reporter what one module says, until the function that it returns is called. */
function listen({ instance }: LockSource, reporter: Reporter): () => void {
  const stops = Object.entries(reporter).map(([name, report]) => {
    const told = (message: unknown): void => {
      if ((message as LockSource).instance === instance) (report as (message: unknown) => void)(message);
    };
    subscribe(name, told);
    return () => unsubscribe(name, told);
  });
  return () => {
    for (const stop of stops) stop();
  };
}

async function installedApi(): Promise<OpenTelemetryApi> {
  try {
    return (await import(OPTIONAL_PACKAGE)) as OpenTelemetryApi;
  } catch (cause) {
    throw new PgLockConfigurationError(
      `PgLockModule: option 'telemetry' needs the package ${OPTIONAL_PACKAGE}, which cannot be imported: install it, or pass \`telemetry.api\`.`,
      { cause },
    );
  }
}
