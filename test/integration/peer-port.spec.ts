import { resolveOptions } from '../../lib/options/resolve-options.js';
import { connectorTo } from '../../lib/session/connector.js';
import type { PeerNotification } from '../../lib/session/peer-port.js';
import { PgLockStore } from '../../lib/session/pg-lock-store.js';
import type { PgLockModuleOptions } from '../../lib/options/pg-lock-options.js';
import { deferred, eventually, useDatabase } from '../support/database.js';

const database = useDatabase();

function openStore(options: PgLockModuleOptions = {}): PgLockStore {
  const { sessions } = resolveOptions({ connection: database.url, ...options });
  const store = new PgLockStore(connectorTo(database.url), sessions, () => undefined);
  database.defer(() => store.close());
  return store;
}

const notify = (payload: string) => database.admin.query('SELECT pg_notify($1, $2)', ['Chan"nel', payload]);

describe('the main lock session, as peers use it', () => {
  it('opens nothing before it is asked for something', async () => {
    const { peers } = openStore();
    peers.onNotification('channel', () => undefined);
    peers.onMainOpened(() => undefined);
    expect(await database.sessions()).toEqual([]);
    expect(peers.pids).toEqual([]);
  });

  it('hears what is notified once it listens, from whom, and in order', async () => {
    const { peers } = openStore();
    const heard: PeerNotification[] = [];
    peers.onNotification('Chan"nel', (notification) => heard.push(notification));
    const { pid } = await peers.whenListening();
    expect(peers.pids).toEqual([pid]);
    await notify('one');
    await notify('two');
    await peers.runOnMain({ text: 'SELECT' }); // what was committed before comes before its answer
    const from = database.pidOf(database.admin);
    expect(heard).toEqual(['one', 'two'].map((payload) => ({ pid: from, channel: 'Chan"nel', payload })));
  });

  it('listens to a channel that is asked for later, and no more to whom has stopped', async () => {
    const { peers } = openStore();
    await peers.whenListening();
    const heard: string[] = [];
    const stop = peers.onNotification('Chan"nel', ({ payload }) => heard.push(payload));
    await peers.whenListening();
    await notify('one');
    await peers.runOnMain({ text: 'SELECT' });
    stop();
    await notify('two');
    await peers.runOnMain({ text: 'SELECT' });
    expect(heard).toEqual(['one']);
  });

  it('answers with rows of text, whatever their types', async () => {
    const { peers } = openStore();
    const rows = await peers.runOnMain({ text: 'SELECT $1::int8 AS a, true AS b, null AS c', values: ['7'] });
    expect(rows).toEqual([{ a: '7', b: 't', c: null }]);
  });

  it('keeps the session open, listening, and says when it ended and when there is a new one', async () => {
    const { peers } = openStore();
    const events: [string, number][] = [];
    const heard: string[] = [];
    peers.onNotification('Chan"nel', ({ payload }) => heard.push(payload));
    peers.onMainEnded(() => {
      throw new Error('of a listener');
    });
    peers.onMainOpened(({ pid }) => events.push(['opened', pid]));
    peers.onMainEnded(({ pid }) => events.push(['ended', pid]));
    const stop = peers.keepOpen();
    const first = await peers.whenListening();
    await database.admin.query('SELECT pg_terminate_backend($1)', [first.pid]);
    await eventually(() => events.length === 3);
    const second = await peers.whenListening();
    expect(events).toEqual([
      ['opened', first.pid],
      ['ended', first.pid],
      ['opened', second.pid],
    ]);
    await notify('heard by the second');
    await peers.runOnMain({ text: 'SELECT' });
    expect(heard).toEqual(['heard by the second']);
    stop();
  });

  it('says why it cannot be opened, and goes on trying', async () => {
    const { sessions } = resolveOptions({});
    const store = new PgLockStore(connectorTo({ host: '127.0.0.1', port: 1 }), sessions, () => undefined);
    database.defer(() => store.close());
    const failures: unknown[] = [];
    const third = deferred();
    store.peers.keepOpen((error) => {
      if (failures.push(error) === 3) third.resolve();
    });
    await third.promise;
    expect(failures[0]).toMatchObject({ code: 'ECONNREFUSED' });
  });
});
