import { once } from 'node:events';
import { duplexPair, type Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import type { ExplainSession } from '../../../lib/explain/run/explain-session.js';
import { TraceRun } from '../../../lib/explain/trace/trace-run.js';
import { TracedConnection } from '../../../lib/explain/trace/traced-connection.js';
import { byte, errorMessage, int32, message, textAt, WIRE } from '../../../lib/explain/trace/wire-message.js';
import { WireSplitter } from '../../../lib/explain/trace/wire-splitter.js';

const TEXTS = [
  'SELECT 1',
  'SELECT "ä" FROM t',
  'UPDATE t SET a = $1',
  'SHOW all',
  'SET a = 1',
  '-- nothing',
  '',
];
const READY = message(WIRE.ready, byte('I'));

/** What a client sends up to a ReadyForQuery. */
type Turn =
  | { readonly kind: 'query'; readonly sql: string }
  | {
      readonly kind: 'batch';
      readonly sql: string;
      readonly name: string;
      readonly describes: boolean;
      readonly times: number;
    }
  | { readonly kind: 'copy'; readonly parts: readonly number[] };

/** How the server answers one message that it executes. */
interface Answer {
  readonly rows: readonly number[];
  readonly aside: 'notice' | 'setting' | 'notification' | undefined;
  readonly fails: boolean;
}

const sizes = fc.array(fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 40_000 })), {
  maxLength: 6,
});
const sql = fc.constantFrom(...TEXTS);
const turns = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('query' as const), sql }),
    fc.record({
      kind: fc.constant('batch' as const),
      sql,
      name: fc.constantFrom('', 's1', 'ß'),
      describes: fc.boolean(),
      times: fc.integer({ min: 0, max: 3 }),
    }),
    fc.record({ kind: fc.constant('copy' as const), parts: sizes }),
  ),
  { minLength: 1, maxLength: 8 },
);
const answers = fc.array(
  fc.record({
    rows: sizes,
    aside: fc.constantFrom('notice', 'setting', 'notification', undefined),
    fails: fc.boolean(),
  }),
  { minLength: 1, maxLength: 5 },
);
/** Where the bytes are cut, and after which parts the event loop goes on. */
const cuts = fc.array(fc.tuple(fc.integer({ min: 1, max: 9_000 }), fc.boolean()), {
  minLength: 1,
  maxLength: 9,
});

function messagesOf(one: Turn): Buffer[] {
  if (one.kind === 'query') return [message(WIRE.query, one.sql)];
  if (one.kind === 'copy')
    return [
      message(WIRE.query, 'COPY t FROM STDIN'),
      ...one.parts.map((size) => message(WIRE.copyData, Buffer.alloc(size, 'c'))),
      message(WIRE.copyDone),
    ];
  const { name, describes, times } = one;
  const run = [message(WIRE.bind, '', name, 0, 0, 0), message(WIRE.execute, '', int32(0))];
  return [
    message(WIRE.parse, name, one.sql, 0),
    ...(describes ? [message(WIRE.describe, byte('S'), name)] : []),
    ...Array.from({ length: times }, () => run).flat(),
    message(WIRE.close, byte('S'), name),
    message(WIRE.sync),
  ];
}

/** Answers as a server does: one message after the other, and after an error nothing up to the next Sync. */
class FakeServer {
  readonly sent: Buffer[] = [];
  readonly received: Buffer[] = [];
  /** The statements that it has executed, and not skipped. */
  readonly ran: string[] = [];
  /** How many ReadyForQuery it has sent. */
  readies = 0;
  #skips = false;
  #executed = 0;
  /** All statements of a batch are the one that it has parsed. */
  #parsed = '';
  readonly #answers: readonly Answer[];

  constructor(given: readonly Answer[]) {
    this.#answers = given;
  }

  answer(type: number, bytes: Buffer): Buffer[] {
    this.received.push(bytes);
    const answers = this.#answersTo(type, bytes);
    this.sent.push(...answers);
    return answers;
  }

  #answersTo(type: number, bytes: Buffer): Buffer[] {
    if (type === WIRE.query) return this.#query(bytes);
    if (type === WIRE.copyDone) return [message(WIRE.commandComplete, 'COPY 1'), this.#ready()];
    if (type === WIRE.sync) {
      this.#skips = false;
      return [this.#ready()];
    }
    if (this.#skips || type === WIRE.copyData) return [];
    if (type === WIRE.parse) this.#parsed = textAt(bytes, textAt(bytes, 5)[1])[0];
    if (type === WIRE.execute) {
      this.ran.push(this.#parsed);
      const done = this.#execute();
      this.#skips = done.at(-1)?.[0] === WIRE.error;
      return done;
    }
    const plain = new Map<number, number>([
      [WIRE.parse, WIRE.parseComplete],
      [WIRE.bind, WIRE.bindComplete],
      [WIRE.close, WIRE.closeComplete],
    ]);
    return [message(plain.get(type) ?? WIRE.noData)];
  }

  #query(bytes: Buffer): Buffer[] {
    const text = textAt(bytes, 5)[0];
    if (text !== '-- nothing') this.ran.push(text);
    if (bytes.includes('COPY')) return [message(WIRE.copyIn, Buffer.alloc(3))];
    return [...this.#execute(), this.#ready()];
  }

  #execute(): Buffer[] {
    const { rows, aside, fails } = this.#answers[this.#executed++ % this.#answers.length]!;
    const beside = {
      notice: message(WIRE.notice, 'SNOTICE', 'C00000', 'Mhere', byte('\0')),
      setting: message(WIRE.parameterStatus, 'a', '1'),
      notification: message(WIRE.notification, int32(7), 'channel', 'payload'),
    };
    return [
      message(WIRE.rowDescription, Buffer.alloc(9)),
      ...rows.map((size) => message(WIRE.dataRow, Buffer.alloc(size, 'r'))),
      ...(aside === undefined ? [] : [beside[aside]]),
      fails
        ? errorMessage('22012', 'division by zero')
        : message(WIRE.commandComplete, `SELECT ${rows.length}`),
    ];
  }

  #ready(): Buffer {
    this.readies += 1;
    return READY;
  }
}

/** Writes bytes in the parts that were drawn. */
async function writeCut(
  stream: Duplex,
  bytes: Buffer,
  parts: readonly (readonly [number, boolean])[],
): Promise<void> {
  for (let at = 0, part = 0; at < bytes.length; part++) {
    const [size, pauses] = parts[part % parts.length]!;
    const isRoomy = stream.write(bytes.subarray(at, at + size));
    at += size;
    if (!isRoomy) await once(stream, 'drain');
    if (pauses) await turn();
  }
}

async function served(
  server: Duplex,
  fake: FakeServer,
  parts: readonly (readonly [number, boolean])[],
): Promise<void> {
  const splitter = new WireSplitter(() => false);
  let isFirst = true;
  for await (const chunk of server.iterator({ destroyOnReturn: false }))
    for (const { type, bytes } of splitter.push(chunk as Buffer)) {
      // The tracer itself asks once, for the isolation level.
      if (isFirst) {
        if (type !== WIRE.sync) continue;
        isFirst = false;
        const row = message(WIRE.dataRow, 1, int32(14), byte('read committed'));
        const own = [WIRE.closeComplete, WIRE.parseComplete, WIRE.bindComplete].map((letter) =>
          message(letter),
        );
        server.write(
          Buffer.concat([
            ...own,
            row,
            message(WIRE.commandComplete, 'SHOW'),
            message(WIRE.closeComplete),
            READY,
          ]),
        );
      } else if (type !== WIRE.terminate)
        await writeCut(server, Buffer.concat(fake.answer(type, bytes)), parts);
    }
  server.end();
}

/** All that each side got, of what the other one sent. */
async function passed(
  sent: readonly Turn[],
  given: readonly Answer[],
  clientCuts: readonly (readonly [number, boolean])[],
  serverCuts: readonly (readonly [number, boolean])[],
) {
  const [client, near] = duplexPair({ highWaterMark: 4_096 });
  const [server, far] = duplexPair({ highWaterMark: 4_096 });
  const fake = new FakeServer(given);
  const serving = served(server, fake, serverCuts);
  const run = new TraceRun(undefined as unknown as ExplainSession, 'property');
  const session = { stream: far, pid: 1, secretKey: 2, parameters: [] };
  const running = new TracedConnection(near, session, run).run([]);
  const got: Buffer[] = [];
  const messages = Buffer.concat([...sent.flatMap(messagesOf), message(WIRE.sync)]);
  const writing = writeCut(client, messages, clientCuts);
  // Greeting: BackendKeyData and ReadyForQuery; then one for each turn, and for the Sync at the end.
  const splitter = new WireSplitter(() => false);
  let readies = -1;
  await new Promise<void>((resolve) => {
    client.on('data', (chunk: Buffer) => {
      got.push(chunk);
      for (const { type } of splitter.push(chunk)) if (type === WIRE.ready) readies += 1;
      if (readies === sent.length + 1) resolve();
    });
  });
  client.end(message(WIRE.terminate));
  await Promise.all([writing, running, serving]);
  const greeting = message(0x4b, int32(1), int32(2)).length + READY.length;
  return {
    toServer: Buffer.concat(fake.received),
    messages,
    toClient: Buffer.concat(got).subarray(greeting),
    answers: Buffer.concat(fake.sent),
    statements: run.observed(),
    ran: fake.ran,
  };
}

describe('a traced connection', () => {
  it('passes on what it does not look at byte for byte, however the bytes come', async () => {
    await fc.assert(
      fc.asyncProperty(turns, answers, cuts, cuts, async (sent, given, clientCuts, serverCuts) => {
        const {
          toServer,
          messages,
          toClient,
          answers: all,
          statements,
          ran,
        } = await passed(sent, given, clientCuts, serverCuts);
        expect(toServer.equals(messages)).toBe(true);
        expect(toClient.equals(all)).toBe(true);
        expect(statements.map(({ sql: text }) => text)).toEqual(ran.filter((text) => text !== ''));
      }),
      { numRuns: Number(process.env['PGLOCK_RUNS'] ?? 60) },
    );
  });
});

describe('the splitter of messages', () => {
  const messages = fc.array(
    fc.record({ type: fc.constantFrom(0x44, 0x64, 0x43, 0x5a), size: fc.integer({ min: 0, max: 300 }) }),
    { maxLength: 30 },
  );
  it('gives back all bytes in their order, streamed or whole, however they come', () => {
    fc.assert(
      fc.property(messages, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (given, parts) => {
        const whole = given.map(({ type, size }) => message(type, Buffer.alloc(size, type)));
        const bytes = Buffer.concat(whole);
        const splitter = new WireSplitter((type) => type === 0x44 || type === 0x64);
        const got = [];
        for (let at = 0, part = 0; at < bytes.length; part++) {
          const size = parts[part % parts.length]!;
          got.push(...splitter.push(bytes.subarray(at, at + size)));
          at += size;
        }
        expect(Buffer.concat(got.map((piece) => piece.bytes)).equals(bytes)).toBe(true);
        const kept = got.filter(({ isStreamed }) => !isStreamed).map((piece) => piece.bytes);
        expect(kept).toEqual(whole.filter((one) => one[0] === 0x43 || one[0] === 0x5a));
      }),
    );
  });
});
