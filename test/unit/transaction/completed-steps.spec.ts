import { EventEmitter } from 'node:events';
import { CompletedSteps } from '../../../lib/transaction/completed-steps.js';
import type { TransactionStep } from '../../../lib/transaction/transaction-steps.js';

/** Stands for `pg`'s connection: what is sent is noted, and the server's reports are given by hand. */
class FakeConnection extends EventEmitter {
  readonly sent: unknown[] = [];
  readonly parsedStatements: Record<string, string> = { earlier: 'ROLLBACK TO before' };

  query(text: unknown): void {
    this.sent.push(text);
  }
  parse(message: unknown): void {
    this.sent.push(message);
  }
  bind(message: unknown): void {
    this.sent.push(message);
  }
  sync(): void {}

  report(...tags: readonly string[]): void {
    for (const text of tags) this.emit('commandComplete', { text });
  }
}

function watched() {
  const connection = new FakeConnection();
  const done: string[] = [];
  const onStep = (step: TransactionStep) =>
    done.push(step.kind === 'end' ? 'end' : `${step.kind} ${step.name}`);
  return { connection, done, steps: new CompletedSteps({ connection }, onStep) };
}

describe('the completed steps', () => {
  it('are those that the server reports', () => {
    const { connection, done, steps } = watched();
    connection.query('SAVEPOINT a; SELECT 1; RELEASE nowhere; SAVEPOINT b');
    connection.report('SAVEPOINT', 'SELECT 1');
    steps.ready(true);
    connection.query('ROLLBACK TO a; COMMIT AND CHAIN');
    connection.report('ROLLBACK', 'COMMIT');
    expect(done).toEqual(['savepoint a', 'rollback to a', 'end']);
  });

  it('tell a rollback from one to a savepoint, and a commit that became one', () => {
    const { connection, done, steps } = watched();
    for (const text of ['ROLLBACK TO a', 'ROLLBACK AND CHAIN', 'COMMIT AND CHAIN']) {
      connection.query(text);
      connection.report('ROLLBACK');
      steps.ready(false);
    }
    expect(done).toEqual(['rollback to a', 'end', 'end']);
  });

  it('know statements by their names, from before as well, and several that are under way', () => {
    const { connection, done, steps } = watched();
    connection.parse({ name: 'n', text: 'ROLLBACK TO a' });
    for (const statement of ['n', 'earlier', 'n']) {
      connection.bind({ statement });
      connection.sync();
    }
    connection.parse({ text: 'SAVEPOINT b' });
    connection.bind({});
    connection.bind({ statement: 'n' });
    connection.sync();
    for (const tags of [['ROLLBACK'], ['ROLLBACK'], ['ROLLBACK'], ['SAVEPOINT', 'ROLLBACK']]) {
      connection.report(...tags);
      steps.ready(false);
    }
    expect(done).toEqual([
      'rollback to a',
      'rollback to before',
      'rollback to a',
      'savepoint b',
      'rollback to a',
    ]);
  });

  it('of which nothing was seen are taken for the worst', () => {
    const { connection, done } = watched();
    connection.report('ROLLBACK', 'SAVEPOINT', 'RELEASE', 'COMMIT', 'INSERT 0 1', 'CALL');
    expect(done).toEqual(['rollback to ', 'savepoint \0', 'release ', 'end']);
  });

  it('are all that was sent where nothing is reported and nothing has failed', () => {
    const sent: unknown[] = [];
    const native = {
      query: (text: unknown) => sent.push(text),
      prepare: (name: unknown) => sent.push(name),
      execute: (name: unknown) => sent.push(name),
    };
    const done: string[] = [];
    const steps = new CompletedSteps({ native }, ({ kind }) => done.push(kind));
    native.query('SAVEPOINT a; SELECT 1');
    steps.ready(false);
    native.query('SAVEPOINT b');
    steps.ready(true);
    (native.prepare as (name: string, text: string) => unknown)('n', 'ROLLBACK TO a');
    native.execute('n');
    steps.ready(false);
    expect(done).toEqual(['savepoint', 'rollback to']);
    expect(sent).toEqual(['SAVEPOINT a; SELECT 1', 'SAVEPOINT b', 'n', 'n']);
  });
});
