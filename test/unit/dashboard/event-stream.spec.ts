import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { jest } from '@jest/globals';
import { EventStream } from '../../../lib/dashboard/http/event-stream.js';
import { Refusal } from '../../../lib/dashboard/http/refusal.js';

/** As much of a response as a stream needs, and what was written to it. */
class FakeResponse extends EventEmitter {
  written = '';
  ended = false;
  writableLength = 0;
  setHeader(): void {}
  getHeaderNames(): string[] {
    return [];
  }
  flushHeaders(): void {}
  write(text: string): void {
    this.written += text;
  }
  end(): void {
    this.ended = true;
  }
  destroy(): void {
    this.ended = true;
  }
}

const streamOn = (recheck: () => Promise<unknown>) => {
  const response = new FakeResponse();
  const closed = jest.fn();
  const stream = new EventStream(response as unknown as ServerResponse, { recheck, closed });
  return { response, closed, stream };
};

describe('EventStream', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('asks again within a minute whether its viewer may look, and goes on where they may', async () => {
    const recheck = jest.fn(() => Promise.resolve('olga'));
    const { response } = streamOn(recheck);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(recheck).toHaveBeenCalledTimes(1);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(recheck).toHaveBeenCalledTimes(2);
    expect(response.ended).toBe(false);
  });

  it('tells a viewer who may look no more, and ends', async () => {
    const { response, closed } = streamOn(() => Promise.reject(new Refusal(403, 'no more')));
    await jest.advanceTimersByTimeAsync(60_000);
    expect(response.written).toContain('event: refused');
    expect([response.ended, closed.mock.calls.length]).toEqual([true, 1]);
  });

  it('ends without a word where it cannot be found out, so that the viewer comes back and is asked about', async () => {
    const { response } = streamOn(() => Promise.reject(new Refusal(500, 'the directory is away')));
    await jest.advanceTimersByTimeAsync(60_000);
    expect(response.written).not.toContain('refused');
    expect(response.ended).toBe(true);
  });

  it('is not kept open by an answer that never comes', async () => {
    const { response } = streamOn(() => new Promise(() => undefined));
    await jest.advanceTimersByTimeAsync(59_000);
    expect(response.ended).toBe(true);
  });

  it('ends for a viewer that reads too slowly', () => {
    const { response, stream } = streamOn(() => Promise.resolve());
    response.writableLength = 100_000_000;
    stream.send({ id: null, event: 'now', data: '{}' });
    expect(response.ended).toBe(true);
  });
});
