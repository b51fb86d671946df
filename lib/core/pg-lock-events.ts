import type { EventEmitter } from 'node:events';
import type { PgLockEvent } from '../vocabulary/pg-lock-event.js';

/** `pglock.events`: each {@link PgLockEvent} under its `type`. @publicApi */
export type PgLockEvents = EventEmitter<{
  [Type in PgLockEvent['type']]: [Extract<PgLockEvent, Record<'type', Type>>];
}>;
