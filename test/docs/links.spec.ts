import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { documents, ROOT } from './support/documents.js';

const withoutCode = (text: string) =>
  text.replaceAll(/^ *```.*?^ *```$/gms, '').replaceAll(/`[^`\n]*`/g, '``');

/** As GitHub makes them of headings. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.replaceAll(/^ *```.*?^ *```$/gms, '').matchAll(/^#+ (.*)$/gm)].map(
    ([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
  );
  return new Set(headings);
}

interface Link {
  readonly from: string;
  readonly to: string;
}

const links: Link[] = documents().flatMap(({ path, text }) =>
  [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, to = '']) => ({ from: path, to })),
);
const local = links.filter(({ to }) => !/^(https?|mailto):/.test(to));

describe('links in README and docs', () => {
  it('lead to files that exist', () => {
    const missing = local.filter(({ from, to }) => !existsSync(targetOf(from, to)));
    expect(missing.map(({ from, to }) => `${from}: ${to}`)).toEqual([]);
  });

  it('lead to headings that exist', () => {
    const withAnchor = local.filter(({ from, to }) => to.includes('#') && existsSync(targetOf(from, to)));
    const missing = withAnchor.filter(({ from, to }) => {
      const anchor = to.slice(to.indexOf('#') + 1);
      return !anchorsOf(readFileSync(targetOf(from, to), 'utf8')).has(anchor);
    });
    expect(missing.map(({ from, to }) => `${from}: ${to}`)).toEqual([]);
  });

  it('lead from README to every guide', () => {
    const guides = documents().filter(({ path }) => path.startsWith('docs/'));
    const linked = new Set(
      local.filter(({ from }) => from === 'README.md').map(({ to }) => to.split('#')[0]),
    );
    expect(guides.filter(({ path }) => !linked.has(path)).map(({ path }) => path)).toEqual([]);
  });
});

function targetOf(from: string, to: string): string {
  const [file = ''] = to.split('#');
  return file === '' ? join(ROOT, from) : join(ROOT, dirname(from), file);
}
