import { Seal } from '../../../lib/peers/seal.js';

describe('Seal', () => {
  const [writer, reader, stranger] = [new Seal(), new Seal(), new Seal()];

  it('opens for the one that it was closed for', () => {
    const sealed = writer.close('SELECT 1', reader.publicKey);
    expect(sealed).not.toContain('SELECT');
    expect(reader.open(sealed, writer.publicKey)).toBe('SELECT 1');
  });

  it('opens for nobody else, and says so of what was changed or is nothing', () => {
    const sealed = writer.close('SELECT 1', reader.publicKey);
    expect(stranger.open(sealed, writer.publicKey)).toBeUndefined();
    expect(reader.open(sealed, stranger.publicKey)).toBeUndefined();
    const changed = `${sealed.startsWith('A') ? 'B' : 'A'}${sealed.slice(1)}`;
    expect(reader.open(changed, writer.publicKey)).toBeUndefined();
    for (const nothing of ['', 'x', 'A'.repeat(200)]) {
      expect(reader.open(nothing, writer.publicKey)).toBeUndefined();
      expect(reader.open(sealed, nothing)).toBeUndefined();
    }
  });

  it('unfolds no more than it should', () => {
    const sealed = writer.close('x'.repeat(2_000_000), reader.publicKey);
    expect(reader.open(sealed, writer.publicKey)).toBeUndefined();
  });
});
