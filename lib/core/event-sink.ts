import type { EventEmitter } from 'node:events';
import { say, type LockSource } from '../telemetry/lock-channels.js';
import { isolated } from '../vocabulary/listeners.js';
import type { EventSink, PgLockEvent } from '../vocabulary/pg-lock-event.js';
import type { PgLockEvents } from './pg-lock-events.js';

/** To the listeners of the service, none of which keeps another untold, and to the channels of the process. @internal */
export function eventSink(events: PgLockEvents, source: LockSource): EventSink {
  const emitter = events as EventEmitter;
  return (event) => {
    for (const listener of emitter.rawListeners(event.type))
      isolated(() => listener.call(emitter, event) as unknown);
    publish(event, source);
  };
}

function publish(event: PgLockEvent, source: LockSource): void {
  switch (event.type) {
    case 'blockerSignalled':
      return say('nestjs-pglock:signalled', { ...source, ...event });
    case 'releasedBeforeCommit':
      return say('nestjs-pglock:released-before-commit', { ...source, ...event });
    case 'sessionEnded':
      return say('nestjs-pglock:session-ended', { ...source, ...event });
    case 'leaderElected':
      return say('nestjs-pglock:leader-elected', { ...source, ...event });
    case 'leaderResigned':
      return say('nestjs-pglock:leader-resigned', { ...source, ...event });
    case 'leaderLost':
      return say('nestjs-pglock:leader-lost', { ...source, ...event });
    case 'permitsDiffer':
      return say('nestjs-pglock:permits-differ', { ...source, ...event });
  }
}
