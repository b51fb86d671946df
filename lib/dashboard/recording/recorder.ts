import { createWriteStream, type WriteStream } from 'node:fs';
import { once } from 'node:events';
import type { DashboardSource, DashboardView } from '../dashboard-source.js';
import { toJson, type JsonOptions } from '../json.js';
import type { LoggedEvent } from '../sampling/event-log.js';

/** Views that no event tells of. */
const LOOKED_AT: readonly DashboardView[] = ['locks', 'jobs', 'replicas', 'doctor'];
const LOOK_EVERY_MS = 10_000;
const AT_EVERY = 5;

/**
 * Writes what a viewer would see into a file, a line of JSON each, from now until `close()`; a file that is there is gone on
 * with. Only its owner may read it: statements are in it.
 *
 * @internal
 */
export class Recorder {
  private readonly stream: WriteStream;
  private readonly stop: () => void;
  private readonly timer: NodeJS.Timeout;
  private ats = 0;
  private failure: Error | undefined;

  constructor(
    private readonly source: DashboardSource,
    file: string,
    private readonly json: JsonOptions,
    private readonly failed: (error: Error) => void,
  ) {
    this.stream = createWriteStream(file, { flags: 'a', mode: 0o600 });
    this.stream.on('error', (error) => this.fail(error));
    this.write({ pglock: 1, connection: source.name, historyMs: source.historyMs, at: new Date() });
    this.stop = source.follow(undefined, (event) => this.note(event));
    void this.look();
    this.timer = setInterval(() => void this.look(), LOOK_EVERY_MS).unref();
  }

  /** Writes the last line, and waits until all are in the file. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    this.stop();
    await this.look();
    if (this.failure !== undefined) return;
    this.stream.end();
    await once(this.stream, 'close');
  }

  private note({ event, data }: LoggedEvent): void {
    if (event === 'at' && this.ats++ % AT_EVERY !== 0) return;
    this.line(`{"at":${JSON.stringify(new Date())},"event":${JSON.stringify(event)},"data":${data}}`);
  }

  private async look(): Promise<void> {
    for (const view of LOOKED_AT)
      try {
        this.write({ at: new Date(), view, data: await this.source.read(view) });
      } catch {
        // The database is away; the events say so.
      }
  }

  private write(line: object): void {
    this.line(toJson(line, this.json));
  }

  private line(text: string): void {
    if (this.failure === undefined && this.stream.writable) this.stream.write(`${text}\n`);
  }

  private fail(error: Error): void {
    this.failure = error;
    this.failed(error);
  }
}
