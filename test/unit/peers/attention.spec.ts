import { Attention } from '../../../lib/peers/attention.js';

const lost = (code: string) => new Error('session', { cause: Object.assign(new Error('server'), { code }) });

describe('since when one has listened', () => {
  it.each<[string, Error, number, number]>([
    ['goes on where the server was started anew meanwhile', lost('57P01'), 1_050, 100],
    ['goes on where all sessions ended in a crash of the server', lost('57P02'), -5_000, 100],
    ['begins again where only this session ended', lost('57P01'), -5_000, 1_100],
    ['begins again where the connection was cut', new Error('ECONNRESET'), 900, 1_100],
  ])('%s', (_title, error, serverStartedAt, expected) => {
    const attention = new Attention();
    expect(attention.attentiveSince).toBeUndefined();
    attention.begin(100, -10_000);
    attention.end(1_000, error);
    attention.begin(1_100, serverStartedAt);
    expect(attention.attentiveSince).toBe(expected);
  });
});
