import { getEventListeners } from 'node:events';
import { onAbort, WaitAbort } from '../../../lib/vocabulary/wait-abort.js';

describe('WaitAbort', () => {
  it('tells all listeners once, and whoever asks later', () => {
    const abort = new WaitAbort();
    const told: string[] = [];
    onAbort(abort, () => told.push('here'));
    onAbort(abort, () => told.push('gone'))();
    expect(() => abort.throwIfAborted()).not.toThrow();
    const reason = new Error('enough');
    abort.abort(reason);
    abort.abort(new Error('again'));
    expect(told).toEqual(['here']);
    expect([abort.aborted, abort.reason]).toEqual([true, reason]);
    expect(() => abort.throwIfAborted()).toThrow(reason);
  });

  it('is a platform signal where one is asked for, before or after', () => {
    const [before, after] = [new WaitAbort(), new WaitAbort()];
    const { signal } = before;
    const reason = new Error('enough');
    for (const abort of [before, after]) abort.abort(reason);
    expect(signal).toBeInstanceOf(AbortSignal);
    for (const one of [signal, after.signal]) expect([one.aborted, one.reason]).toEqual([true, reason]);
  });
});

describe('onAbort', () => {
  it('has one listener on a signal, however many waits share it', () => {
    const controller = new AbortController();
    const told: number[] = [];
    const stops = Array.from({ length: 100 }, (_, i) => onAbort(controller.signal, () => told.push(i)));
    stops[7]?.();
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    controller.abort();
    expect(told).toHaveLength(99);
    expect(told).not.toContain(7);
  });

  it('leaves no listener on a signal when the last wait is over, and has one again for the next', () => {
    const controller = new AbortController();
    const listeners = () => getEventListeners(controller.signal, 'abort').length;
    const stops = [1, 2].map(() => onAbort(controller.signal, () => undefined));
    stops[0]?.();
    expect(listeners()).toBe(1);
    stops[1]?.();
    stops[1]?.();
    expect(listeners()).toBe(0);
    const told: string[] = [];
    onAbort(controller.signal, () => told.push('next'));
    controller.abort();
    expect([told, listeners()]).toEqual([['next'], 0]);
  });
});
