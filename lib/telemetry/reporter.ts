import type { LockChannels } from './lock-channels.js';

/** What to do with what is said on some of the channels. @internal */
export type Reporter = {
  readonly [Name in keyof LockChannels]?: (message: LockChannels[Name]) => void;
};
