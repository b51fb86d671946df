import { EventEmitter } from 'node:events';
import type { Client, QueryResult } from 'pg';
import type { ServerFacts } from '../../lib/sql/lock-session.js';

type Callback = (error: Error | null, result: unknown) => void;

/** One statement that a {@link FakeClient} was given; the test answers it. */
export interface SentStatement {
  readonly text: string;
  /** What `pg` would give. */
  answer(result?: Partial<QueryResult> | readonly Partial<QueryResult>[]): void;
  /** What a statement of locks answers: the places of what was refused. */
  refuse(...places: readonly number[]): void;
  fail(error: Error): void;
}

/** What a session reads of the server when it opens. */
export const FACTS: ServerFacts = {
  pid: 7,
  versionText: '',
  recovery: false,
  version: 180_000,
  lockTimeout: 0,
  deadlockTimeout: 1_000,
  uptimeMs: 1e9,
  lockTable: 6_400,
};

/** A client of `pg` without a server: statements are kept, and answered by the test, in the order of sending. */
export class FakeClient extends EventEmitter {
  readonly sent: SentStatement[] = [];
  readonly calls: string[] = [];
  readonly connection = {
    stream: {
      destroy: () => void this.calls.push('cut'),
      ref: () => void this.calls.push('ref'),
      unref: () => void this.calls.push('unref'),
    },
  };

  constructor(readonly pipeline = false) {
    super();
  }

  get client(): Client {
    return this as unknown as Client;
  }

  /** The statement that was sent last. */
  get last(): SentStatement {
    return this.sent[this.sent.length - 1] as SentStatement;
  }

  query(config: string | { readonly text: string; readonly callback?: Callback }, given?: Callback): void {
    const callback = (typeof config === 'string' ? given : (config.callback ?? given)) as Callback;
    this.sent.push({
      text: typeof config === 'string' ? config : config.text,
      answer: (result = { rows: [] }) => callback(null, result),
      refuse: (...places) => callback(null, places),
      fail: (error) => callback(error, undefined),
    });
  }

  end(): Promise<void> {
    this.calls.push('end');
    return Promise.resolve();
  }
}

/** Lets everything that was asked for in this turn be sent. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

/** An error as the server sends it. */
export function serverError(code: string, message = `error ${code}`): Error {
  return Object.assign(new Error(message), { code });
}
