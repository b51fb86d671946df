import { EventEmitter } from 'node:events';
import { watchTransactionOf } from '../../../lib/transaction/pg-session-watch.js';

function fakeClient(): EventEmitter & { connection: EventEmitter } {
  return Object.assign(new EventEmitter(), { connection: new EventEmitter() });
}

function recorder() {
  const heard: string[] = [];
  return { heard, ended: () => heard.push('ended'), lost: ({ message }: Error) => heard.push(message) };
}

describe('watchTransactionOf', () => {
  it('hears of the end once, whichever way it comes', () => {
    const client = fakeClient();
    const watcher = recorder();
    expect(watchTransactionOf(client, watcher)).toBe(true);
    client.connection.emit('readyForQuery', { status: 'T' });
    client.connection.emit('readyForQuery', { status: 'E' });
    expect(watcher.heard).toEqual([]);
    client.connection.emit('readyForQuery', { status: 'I' });
    client.emit('end');
    expect(watcher.heard).toEqual(['ended']);
  });

  it('hears of an end behind which the next transaction begins at once', () => {
    const client = fakeClient();
    const watcher = recorder();
    watchTransactionOf(client, watcher);
    client.connection.emit('commandComplete', { text: 'COMMIT' });
    expect(watcher.heard).toEqual(['ended']);
    client.connection.emit('readyForQuery', { status: 'T' });
    expect(watcher.heard).toEqual(['ended']);
  });

  it('tells who asks for it that a statement failed, unless a savepoint lies between', () => {
    const client = fakeClient();
    const failing = () => {
      const watcher = recorder();
      return { ...watcher, failed: () => watcher.heard.push('failed') };
    };
    const [outer, inner] = [failing(), failing()];
    watchTransactionOf(client, outer);
    client.connection.emit('commandComplete', { text: 'SAVEPOINT' });
    watchTransactionOf(client, inner);
    client.connection.emit('readyForQuery', { status: 'E' });
    client.connection.emit('readyForQuery', { status: 'E' });
    expect([outer.heard, inner.heard]).toEqual([[], ['failed']]);
    client.connection.emit('commandComplete', { text: 'ROLLBACK' });
    expect([outer.heard, inner.heard]).toEqual([['ended'], ['failed']]);
  });

  it('hears of a session that was lost, with its error', () => {
    const client = fakeClient();
    const watcher = recorder();
    watchTransactionOf(client, watcher);
    client.emit('error', new Error('terminated'));
    client.emit('end');
    expect(watcher.heard).toEqual(['terminated']);
  });

  it('listens once a client, however many locks it takes', () => {
    const client = fakeClient();
    for (let lock = 0; lock < 50; lock += 1) watchTransactionOf(client, recorder());
    expect(client.listenerCount('end')).toBe(1);
    expect(client.connection.listenerCount('readyForQuery')).toBe(1);
  });

  it.each([undefined, {}, new EventEmitter()])('cannot listen to %p', (client) => {
    expect(watchTransactionOf(client, recorder())).toBe(false);
  });
});
