import { execFileSync } from 'node:child_process';
import { document, ROOT } from './support/documents.js';

describe('the first figures of README', () => {
  it('are those that the runs of chaos and bench wrote into the documents: `node scripts/proof.mjs`', () => {
    const { text } = document('README.md');
    const script = `
      import { readFileSync } from 'node:fs';
      import { proof } from './scripts/proof.mjs';
      console.log(proof(readFileSync('docs/comparison.md', 'utf8'), readFileSync('docs/reliability.md', 'utf8')));`;
    const args = ['--input-type=module', '--eval', script];
    const written = execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
    expect(text).toContain(`<!-- begin proof -->\n\n${written}\n<!-- end proof -->`);
  });
});
