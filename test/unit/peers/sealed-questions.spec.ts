import { Seal } from '../../../lib/peers/seal.js';
import { SealedQuestions, type SealedKind } from '../../../lib/peers/sealed-questions.js';
import { MemoryPeers } from '../../../lib/testing/memory-peers.js';

const NAMES: SealedKind<null, string[]> = {
  name: 'names?',
  readQuestion: () => null,
  readAnswer: (body) => (Array.isArray(body) ? (body as string[]) : undefined),
};
const answer = {
  items: ['a', 'b'],
  shorten: (item: string) => item,
  of: (items: readonly string[]) => [...items],
};

describe('SealedQuestions', () => {
  it.each(['', 'no JSON', '{"an":"object"}', '['])(
    'passes over a peer that seals %j, and hears the others',
    async (text) => {
      const table = {};
      const [asker, honest, stranger] = [1, 2, 3].map((pid) => new MemoryPeers(table, pid));
      const seal = new Seal();
      const question = {
        name: 'names?',
        readQuestion: (body: unknown) => body as { readonly key: string },
        readAnswer: (body: unknown) => body,
      };
      stranger!.answer(question, ({ key }) => ({ key: seal.publicKey, box: seal.close(text, key) }));
      new SealedQuestions(honest!).answer(NAMES, () => answer);
      const answers = await new SealedQuestions(asker!).ask(NAMES, null, { waitMs: 100 });
      expect(answers.map(({ body, from }) => [from.pid, body])).toEqual([[2, ['a', 'b']]]);
    },
  );
});
