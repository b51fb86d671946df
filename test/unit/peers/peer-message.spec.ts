import fc from 'fast-check';
import { decodeMessage, encodeMessage } from '../../../lib/peers/peer-message.js';

const SENDER = { id: 'AbCdEfGhIjKl', applicationName: 'orders-api', host: 'host-1', pids: [4711, 4712] };

/** What earlier versions send: these bytes are never changed, only added to. */
const FROZEN = {
  announcement:
    '{"v":1,"k":"hello","i":"AbCdEfGhIjKl","a":"orders-api","h":"host-1","p":[4711,4712],"b":{"ask":true}}',
  question:
    '{"v":1,"k":"tick?","i":"AbCdEfGhIjKl","a":"orders-api","h":"host-1","p":[4711,4712],"q":"MnOpQrStUvWx","b":{"job":"x"}}',
  answer:
    '{"v":1,"k":"tick?","i":"AbCdEfGhIjKl","a":"orders-api","h":"host-1","p":[4711,4712],"r":"MnOpQrStUvWx","b":{"ran":false}}',
} as const;

const message = (kind: string, body: unknown, part: { asks?: string; answers?: string } = {}) => ({
  ...SENDER,
  kind,
  body,
  asks: part.asks,
  answers: part.answers,
});

const MEANT = {
  announcement: message('hello', { ask: true }),
  question: message('tick?', { job: 'x' }, { asks: 'MnOpQrStUvWx' }),
  answer: message('tick?', { ran: false }, { answers: 'MnOpQrStUvWx' }),
};

describe('the form of a message, which never changes', () => {
  it.each(Object.keys(FROZEN) as (keyof typeof FROZEN)[])('writes and reads the bytes of an %s', (name) => {
    expect(encodeMessage(MEANT[name])).toBe(FROZEN[name]);
    expect(decodeMessage(FROZEN[name])).toEqual(MEANT[name]);
  });

  it('reads a higher version with fields that it does not know', () => {
    const later =
      '{"v":7,"z":{"new":[1]},"k":"hello","i":"x","p":[1],"a":"","h":"h","b":{"ask":true,"more":1}}';
    expect(decodeMessage(later)).toMatchObject({ kind: 'hello', id: 'x', body: { ask: true, more: 1 } });
  });

  it('refuses to send more than a notification can carry, counted in bytes', () => {
    expect(() => encodeMessage(message('x', 'x'.repeat(7_890)))).not.toThrow();
    expect(() => encodeMessage(message('x', 'x'.repeat(7_930)))).toThrow(RangeError);
    expect(() => encodeMessage(message('x', 'é'.repeat(1_310)))).not.toThrow();
    expect(() => encodeMessage(message('x', 'é'.repeat(1_330)))).toThrow(RangeError);
  });

  it('is ASCII, which a database of any encoding takes', () => {
    const said = message('x', { name: 'Tägliche 账单 🎉\u007f' });
    expect(encodeMessage(said)).toMatch(/^[\x20-\x7f]*$/);
    expect(decodeMessage(encodeMessage(said))).toEqual(said);
  });
});

describe('hostile text', () => {
  it.each([
    ['nothing', ''],
    ['no JSON', '{"v":1'],
    ['no object', '[1]'],
    ['null', 'null'],
    ['no version', '{"k":"hello","i":"x"}'],
    ['a version of another type', '{"v":"1","k":"hello","i":"x"}'],
    ['version 0', '{"v":0,"k":"hello","i":"x"}'],
    ['a fractional version', '{"v":1.5,"k":"hello","i":"x"}'],
    ['no kind', '{"v":1,"i":"x"}'],
    ['a kind of another type', '{"v":1,"k":{},"i":"x"}'],
    ['an endless kind', `{"v":1,"k":"${'x'.repeat(41)}","i":"x"}`],
    ['no sender', '{"v":1,"k":"hello"}'],
    ['an endless sender', `{"v":1,"k":"hello","i":"${'x'.repeat(65)}"}`],
    ['a question number of another type', '{"v":1,"k":"hello","i":"x","q":1}'],
    ['deep nesting', `{"v":1,"k":"hello","i":"x","b":${'['.repeat(9)}${']'.repeat(9)}}`],
    ['nesting that would end a recursive parser', '['.repeat(7_999)],
    ['more than a notification can carry', `{"v":1,"k":"hello","i":"x","b":"${'x'.repeat(8_000)}"}`],
  ])('is ignored: %s', (_what, text) => {
    expect(decodeMessage(text)).toBeUndefined();
  });

  it('loses its claims about itself where they are of another type, and is read', () => {
    const text = '{"v":1,"k":"hello","i":"x","a":7,"h":[],"p":["1",-1,2e10],"b":null}';
    expect(decodeMessage(text)).toMatchObject({ applicationName: '', host: '', pids: [], body: null });
  });

  it('counts no bracket inside of a string as nesting', () => {
    const text = encodeMessage(message('x', '[[[[[[[[[[[["\\'));
    expect(decodeMessage(text)?.body).toBe('[[[[[[[[[[[["\\');
  });

  it('never throws, whatever it is', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void decodeMessage(text)));
  });

  it('reads back every body that was written', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), (body) => {
        expect(decodeMessage(encodeMessage(message('x', body)))?.body).toEqual(
          JSON.parse(JSON.stringify(body)),
        );
      }),
    );
  });
});
