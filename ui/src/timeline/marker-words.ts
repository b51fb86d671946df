import type { Marker } from '../wire.js';

export const MARKER_WORDS: Readonly<Record<Marker['kind'], string>> = {
  signal: 'signalled from here',
  prioritized: 'prioritized work',
  deadlock: 'deadlock',
  lost: 'lock lost',
  sessionEnded: 'session ended',
  takeover: 'takeover',
  job: 'job',
  trouble: 'database away',
};
