/** What `@opentelemetry/api` leaves for all of its copies, as far as it is used here. */
interface ContextManager {
  active(): { setValue(key: symbol, value: unknown): unknown };
  with<T>(context: unknown, work: () => T): T;
}

const API = Symbol.for('opentelemetry.js.api.1');
/** @see https://github.com/open-telemetry/opentelemetry-js/blob/main/packages/opentelemetry-core/src/trace/suppress-tracing.ts */
const SUPPRESSED = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/**
 * Runs what the instrumentation of a driver is to leave alone: it would put its own `application_name` on the library's sessions,
 * by which others know them, and make a span of every heartbeat.
 *
 * @internal
 */
export function untraced<T>(work: () => T): T {
  const context = contextManager();
  return context === undefined ? work() : context.with(context.active().setValue(SUPPRESSED, true), work);
}

/** Whether anything here may trace, so that there is something to leave alone. @internal */
export function mayBeTraced(): boolean {
  return contextManager() !== undefined;
}

function contextManager(): ContextManager | undefined {
  return (globalThis as { [API]?: { readonly context?: ContextManager } })[API]?.context;
}
