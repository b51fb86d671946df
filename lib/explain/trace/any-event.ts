import type { Duplex } from 'node:stream';

/** Waits for the first of several events, and leaves no listener behind. @internal */
export function anyEvent(stream: Duplex, ...names: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const name of names) stream.off(name, done);
      resolve();
    };
    for (const name of names) stream.on(name, done);
  });
}
