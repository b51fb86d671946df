import type { OpenTelemetryApi } from './open-telemetry-api.js';

/** What is reported to OpenTelemetry. @publicApi */
export interface TelemetryOptions {
  /** The API to use. @default the application's `@opentelemetry/api`, imported at boot */
  readonly api?: OpenTelemetryApi | undefined;
  /** Count and measure. @default true */
  readonly metrics?: boolean | undefined;
  /** A span for each lock that is asked for, and one for each that is held, under the caller's. @default true */
  readonly traces?: boolean | undefined;
}

/** {@link TelemetryOptions} with nothing left out but the API. @internal */
export interface ResolvedTelemetryOptions {
  readonly api: OpenTelemetryApi | undefined;
  readonly metrics: boolean;
  readonly traces: boolean;
}
