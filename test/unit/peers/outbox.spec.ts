import { setImmediate as nextTurn } from 'node:timers/promises';
import { Outbox } from '../../../lib/peers/outbox.js';
import type { PeerPort } from '../../../lib/peers/peer-port.js';
import type { Statement } from '../../../lib/sql/statement.js';

function outbox(answer: () => Promise<never[]> = () => Promise.resolve([])) {
  const sent: unknown[] = [];
  const port = {
    runOnMain: ({ values }: Statement) => {
      sent.push(values?.[0]);
      return answer();
    },
  } as unknown as PeerPort;
  return { sent, box: new Outbox(port) };
}

const heldUp = () => Promise.reject(Object.assign(new Error('lock timeout'), { code: '55P03' }));

describe('Outbox', () => {
  it('sends all messages of one turn in one statement, in order', async () => {
    const { box, sent } = outbox();
    await Promise.all(['a', 'b', 'c'].map((text) => box.tell(text)));
    await box.tell('d');
    expect(sent).toEqual([['a', 'b', 'c'], ['d']]);
  });

  it('fails all messages of a statement that failed, and none of the next', async () => {
    let fails = true;
    const { box } = outbox(() => (fails ? Promise.reject(new Error('gone')) : Promise.resolve([])));
    const first = await Promise.allSettled([box.tell('a'), box.tell('b')]);
    fails = false;
    expect(first.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(box.tell('c')).resolves.toBeUndefined();
  });

  it('fails in words of its own where commits of others hold it up', async () => {
    const { box } = outbox(heldUp);
    await expect(box.tell('a')).rejects.toThrow(/^Other replicas could not be told in time/);
  });

  it('keeps what may be late for the next statement where commits of others hold it up', async () => {
    let isHeldUp = true;
    const { box, sent } = outbox(() => (isHeldUp ? heldUp() : Promise.resolve([])));
    const late = box.tellWithin('late', 60_000);
    await expect(box.tell('now')).rejects.toThrow();
    isHeldUp = false;
    await Promise.all([box.tell('next'), late]);
    expect(sent).toEqual([
      ['late', 'now'],
      ['late', 'next'],
    ]);
  });

  it('sends nothing twice, and no statement without messages', async () => {
    const { box, sent } = outbox();
    const told = box.tell('a');
    box.send();
    await told;
    await nextTurn();
    expect(sent).toEqual([['a']]);
  });

  it('lets what may wait travel with what is told next, or by itself in time', async () => {
    const { box, sent } = outbox();
    const late = box.tellWithin('late', 60_000);
    await nextTurn();
    expect(sent).toEqual([]);
    await Promise.all([box.tell('now'), late]);
    await box.tellWithin('alone', 5);
    const flushed = box.tellWithin('flushed', 60_000);
    box.send();
    await flushed;
    expect(sent).toEqual([['late', 'now'], ['alone'], ['flushed']]);
  });

  it('waits for none longer than for the most urgent, in whatever order they were told', async () => {
    const { box, sent } = outbox();
    const patient = box.tellWithin('patient', 3_600_000);
    const urgent = box.tellWithin('urgent', 1);
    const other = box.tellWithin('other', 3_600_000);
    await Promise.all([patient, urgent, other]);
    expect(sent).toEqual([['patient', 'urgent', 'other']]);
  });
});
