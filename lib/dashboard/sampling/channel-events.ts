import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { LockChannels, LockMessage, LockSource } from '../../telemetry/lock-channels.js';
import { printable } from '../../vocabulary/printable.js';
import type { TimelineMarker } from '../wire.js';

/** What the library itself has to tell, as a marker of the timeline. @internal */
export type ChannelMarker = Omit<TimelineMarker, 'id' | 'at'>;

type Describe = {
  readonly [Name in keyof LockChannels]?: (message: LockChannels[Name]) => ChannelMarker | undefined;
};

const DESCRIBE: Describe = {
  'nestjs-pglock:lost': (message) => ({
    kind: 'lost',
    text: `Lock ${idsOf(message)} was lost: ${message.error.message}`,
    pid: null,
    lock: idsOf(message),
    by: null,
  }),
  'nestjs-pglock:refused': (message) =>
    message.reason === 'deadlock'
      ? {
          kind: 'deadlock',
          text: `Waiting for lock ${idsOf(message)} could never end and was given up`,
          pid: null,
          lock: idsOf(message),
          by: null,
        }
      : undefined,
  'nestjs-pglock:signalled': ({ pid, action, outcome, applicationName, reason }) => ({
    kind: 'prioritized',
    text: `Session ${pid}${applicationName === null ? '' : ` (${applicationName})`} blocked prioritized work: ${action}, ${outcome}${reason === null ? '' : ` (${reason})`}`,
    pid,
    lock: null,
    by: null,
  }),
  'nestjs-pglock:session-ended': ({ pid, locksLost, error }) => ({
    kind: 'sessionEnded',
    text: `A lock session ended, with ${locksLost} ${locksLost === 1 ? 'lock' : 'locks'}: ${error.message}`,
    pid: pid ?? null,
    lock: null,
    by: null,
  }),
};

/**
 * Listens to what one module of this process says on the library's channels, until the function that it returns is called.
 *
 * @internal
 */
export function listenToChannels(instance: number, told: (marker: ChannelMarker) => void): () => void {
  const stops = Object.entries(DESCRIBE).map(([name, describe]) => {
    const listener = (message: unknown): void => {
      if ((message as LockSource).instance !== instance) return;
      const marker = (describe as (message: unknown) => ChannelMarker | undefined)(message);
      if (marker !== undefined) told(marker);
    };
    subscribe(name, listener);
    return () => unsubscribe(name, listener);
  });
  return () => {
    for (const stop of stops) stop();
  };
}

function idsOf({ id }: LockMessage): string {
  return typeof id === 'string' ? id : printable(id);
}
