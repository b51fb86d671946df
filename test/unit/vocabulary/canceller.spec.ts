import { Canceller } from '../../../lib/vocabulary/canceller.js';

describe('Canceller', () => {
  it('tells everybody who listens, once, and whoever asks later', () => {
    const canceller = new Canceller();
    const told: string[] = [];
    const gone = () => told.push('gone');
    canceller.signal.addEventListener('abort', () => told.push('here'));
    canceller.signal.addEventListener('abort', gone);
    canceller.signal.removeEventListener('abort', gone);
    expect(() => canceller.signal.throwIfAborted()).not.toThrow();
    const reason = new Error('enough');
    canceller.cancel(reason);
    canceller.cancel(new Error('again'));
    expect(told).toEqual(['here']);
    expect([canceller.signal.aborted, canceller.signal.reason]).toEqual([true, reason]);
    expect(() => canceller.signal.throwIfAborted()).toThrow(reason);
  });
});
