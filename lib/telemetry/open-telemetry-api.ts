/** Key and value pairs of OpenTelemetry. @publicApi */
export type TelemetryAttributes = Record<string, string | number | boolean>;

/** A counter of OpenTelemetry. @publicApi */
export interface TelemetryCounter {
  /** Counts. */
  add(value: number, attributes?: TelemetryAttributes): void;
}

/** A histogram of OpenTelemetry. @publicApi */
export interface TelemetryHistogram {
  /** Takes one value down. */
  record(value: number, attributes?: TelemetryAttributes): void;
}

/** What a gauge is read into. @publicApi */
export interface TelemetryObservation {
  /** Reports the value of this moment. */
  observe(value: number, attributes?: TelemetryAttributes): void;
}

/** A gauge of OpenTelemetry, read when metrics are collected. @publicApi */
export interface TelemetryGauge {
  /** Asks the callback at each collection. */
  addCallback(callback: (observation: TelemetryObservation) => void): void;
  /** Asks it no more. */
  removeCallback(callback: (observation: TelemetryObservation) => void): void;
}

/** How instruments are described. @publicApi */
export interface TelemetryInstrument {
  /** What is measured. */
  readonly description?: string;
  /** In the notation of UCUM: `s`, `{lock}`. */
  readonly unit?: string;
  /** For histograms: where one bucket ends and the next begins. */
  readonly advice?: {
    /** In the unit of the instrument. */
    readonly explicitBucketBoundaries?: number[];
  };
}

/** A meter of OpenTelemetry. @publicApi */
export interface TelemetryMeter {
  /** @see https://opentelemetry.io/docs/specs/otel/metrics/api/#counter */
  createCounter(name: string, options?: TelemetryInstrument): TelemetryCounter;
  /** @see https://opentelemetry.io/docs/specs/otel/metrics/api/#histogram */
  createHistogram(name: string, options?: TelemetryInstrument): TelemetryHistogram;
  /** @see https://opentelemetry.io/docs/specs/otel/metrics/api/#asynchronous-gauge */
  createObservableGauge(name: string, options?: TelemetryInstrument): TelemetryGauge;
}

/** A span of OpenTelemetry. @publicApi */
export interface TelemetrySpan {
  /** Says how it went; code 2 is an error. */
  setStatus(status: { readonly code: number; readonly message?: string }): unknown;
  /** Ends it. */
  end(): void;
}

/** A tracer of OpenTelemetry. @publicApi */
export interface TelemetryTracer {
  /** Begins a span under the active one; `startTime` in milliseconds of the Unix epoch. */
  startSpan(
    name: string,
    options?: { readonly startTime?: number; readonly attributes?: TelemetryAttributes },
  ): TelemetrySpan;
}

/**
 * As much of `@opentelemetry/api` as the library uses: that package fits, and is not needed to compile.
 *
 * @see https://open-telemetry.github.io/opentelemetry-js/modules/_opentelemetry_api.html
 * @publicApi
 */
export interface OpenTelemetryApi {
  /** Where meters come from. */
  readonly metrics: {
    /** The meter of one library. */
    getMeter(name: string, version?: string): TelemetryMeter;
  };
  /** Where tracers come from. */
  readonly trace: {
    /** The tracer of one library. */
    getTracer(name: string, version?: string): TelemetryTracer;
  };
}
