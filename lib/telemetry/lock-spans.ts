import { printable } from '../vocabulary/printable.js';
import type { LockMessage } from './lock-channels.js';
import type { TelemetryAttributes, TelemetryTracer } from './open-telemetry-api.js';
import type { Reporter } from './reporter.js';

/** `SpanStatusCode.ERROR`. */
const FAILED = 2;

/**
 * A span `pglock.wait` for each request, and `pglock.hold` for each lock: made when they are over, with the times of their
 * beginning, under the span that is active where the lock was asked for or released.
 *
 * @internal
 */
export function lockSpans(tracer: TelemetryTracer): Reporter {
  const span = (name: string, message: LockMessage, lastedMs: number, failed?: unknown) => {
    const made = tracer.startSpan(name, {
      startTime: Date.now() - lastedMs,
      attributes: attributesOf(message),
    });
    if (failed !== undefined) made.setStatus({ code: FAILED, message: messageOf(failed) });
    made.end();
  };
  return {
    'nestjs-pglock:acquired': (message) => span('pglock.wait', message, message.waitedMs),
    'nestjs-pglock:refused': (message) => span('pglock.wait', message, message.waitedMs, message.error),
    'nestjs-pglock:released': (message) => span('pglock.hold', message, message.heldMs),
    'nestjs-pglock:lost': (message) => span('pglock.hold', message, message.heldMs, message.error),
  };
}

function attributesOf({ database, id, scope, shared }: LockMessage): TelemetryAttributes {
  return {
    'db.system.name': 'postgresql',
    'pglock.database': database,
    'pglock.id': typeof id === 'string' ? id : printable(id),
    'pglock.scope': scope,
    'pglock.shared': shared,
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
