import { document } from './support/documents.js';
import { importFile } from './support/run.js';

const { blocks } = document('docs/testing.md');

/** The specs of the guide run here as they stand there. */
describe('docs/testing.md', () => {
  it('is what the specs around this one are from', () => {
    expect(blocks.filter(({ file }) => file?.includes('spec'))).toHaveLength(2);
  });
});

await importFile(blocks, 'invoices.service.spec.ts');
await importFile(blocks, 'app.e2e-spec.ts');
