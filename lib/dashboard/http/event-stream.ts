import type { ServerResponse } from 'node:http';
import type { LoggedEvent } from '../sampling/event-log.js';
import { setHeaders } from './headers.js';
import { Refusal } from './refusal.js';

/** A viewer that reads slower than this comes back and is shown everything anew. */
const MOST_UNREAD = 16_000_000;
const SIGN_OF_LIFE_MS = 10_000;
const RECHECK_MS = 45_000;
/** `authorize` has so long to answer: a stream without an answer was not let in within the last minute. */
const DECIDE_WITHIN_MS = 14_000;

/** What a stream needs to know of its viewer. @internal */
export interface StreamOwner {
  /** Rejects when the viewer may look no more. */
  recheck(): Promise<unknown>;
  /** The stream is over, whatever ended it. */
  closed(): void;
}

/**
 * Server-sent events to one viewer. *Open* until the viewer leaves, may look no more, reads too slowly, or `end()`.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 * @internal
 */
export class EventStream {
  private readonly timers: readonly NodeJS.Timeout[];
  private over = false;

  constructor(
    private readonly response: ServerResponse & { flush?: () => void },
    private readonly owner: StreamOwner,
  ) {
    response.statusCode = 200;
    // A connection that outlives the stream would carry the viewer's next attempts, and keep a server that closes from its end.
    response.shouldKeepAlive = false;
    setHeaders(response, {
      'content-type': 'text/event-stream; charset=utf-8',
      // Compression and proxies would hold events back.
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    response.flushHeaders();
    this.write('retry: 1000\n\n');
    this.timers = [
      setInterval(() => this.write(': alive\n\n'), SIGN_OF_LIFE_MS).unref(),
      setInterval(() => void this.recheck(), RECHECK_MS).unref(),
    ];
    response.once('close', () => this.finish());
    response.on('error', () => this.finish());
  }

  get isOver(): boolean {
    return this.over;
  }

  send({ id, event, data }: LoggedEvent): void {
    const lines = data.split('\n').map((line) => `data: ${line}\n`);
    this.write(`${id === null ? '' : `id: ${id}\n`}event: ${event}\n${lines.join('')}\n`);
  }

  /** Ends the stream from here; the viewer tries again by itself. */
  end(): void {
    if (!this.over) this.response.end();
    this.finish();
  }

  private write(text: string): void {
    if (this.over) return;
    this.response.write(text);
    this.response.flush?.();
    if (this.response.writableLength > MOST_UNREAD) {
      this.response.destroy();
      this.finish();
    }
  }

  /** Where this cannot be told, the stream ends as well; the viewer comes back and is asked about then. */
  private async recheck(): Promise<void> {
    const late = setTimeout(() => this.end(), DECIDE_WITHIN_MS).unref();
    try {
      await this.owner.recheck();
    } catch (error) {
      if (error instanceof Refusal && error.status < 500)
        this.send({ id: null, event: 'refused', data: '{}' });
      this.end();
    } finally {
      clearTimeout(late);
    }
  }

  private finish(): void {
    if (this.over) return;
    this.over = true;
    for (const timer of this.timers) clearInterval(timer);
    this.owner.closed();
  }
}
