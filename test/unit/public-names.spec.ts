import { readFileSync } from 'node:fs';

const ROOT = new URL('../../', import.meta.url);
const FROZEN = new URL('test/types/public-names.txt', ROOT);
const ENTRANCES = {
  '.': 'lib/index.ts',
  './testing': 'lib/testing/index.ts',
  './dashboard': 'lib/dashboard/index.ts',
  './explain': 'lib/explain/index.ts',
  './cli': 'lib/cli/index.ts',
};

/** What an index hands out: it has nothing in it but `export { … } from`. */
function namesIn(file: string): string[] {
  const code = readFileSync(new URL(file, ROOT), 'utf8');
  const blocks = [...code.matchAll(/^export (type )?\{([^}]*)\} from '[^']+';\n/gm)];
  const rest = blocks.reduce((left, [block]) => left.replace(block, ''), code);
  if (rest.trim() !== '') throw new Error(`${file} has more in it than exports from files:\n${rest}`);
  return blocks.flatMap(([, type = '', names = '']) =>
    names.split(',').flatMap((name) => (name.trim() === '' ? [] : [`${type}${name.trim()}`])),
  );
}

describe('the public names', () => {
  it('are those of test/types/public-names.txt: none goes or changes its kind unnoticed', () => {
    const now = Object.entries(ENTRANCES).flatMap(([entrance, file]) =>
      namesIn(file).map((name) => `${entrance} ${name}`),
    );
    const frozen = readFileSync(FROZEN, 'utf8').split('\n').filter(Boolean);
    expect(now.sort()).toEqual(frozen.sort());
  });
});
