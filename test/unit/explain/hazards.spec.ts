import { readFileSync } from 'node:fs';
import { assertHazards, findHazard, HAZARDS } from '../../../lib/explain/hazards/hazard-names.js';

const GUIDE = readFileSync(new URL('../../../docs/explain.md', import.meta.url), 'utf8');

describe('the hazards', () => {
  it('are those of the guide, with their ids, names and severities', () => {
    const [, table = ''] = GUIDE.split('\n## Hazards\n');
    const rows = [...table.matchAll(/^\| (H\d+) +\| `([\w-]+)` +\| (\w+) +\| (.+?) +\|$/gm)];
    expect(rows.map((row) => row.slice(1))).toEqual(
      HAZARDS.map(({ id, name, severity, about }) => [id, name, severity, about]),
    );
  });

  it('have ids and names of their own', () => {
    const texts = HAZARDS.flatMap(({ id, name }) => [id, name]);
    expect(new Set(texts).size).toBe(texts.length);
    expect(HAZARDS.every(({ name }) => /^[a-z]+(-[a-z]+)*$/.test(name))).toBe(true);
  });

  it('are found by id and name in any case, and by nothing else', () => {
    expect(findHazard('h07')?.name).toBe('index-not-concurrent');
    expect(findHazard('Index-Not-Concurrent')?.id).toBe('H07');
    expect(() => assertHazards(['H07', 'H7'], 'a.sql:3')).toThrow(
      /^a\.sql:3: there is no hazard "H7"\. There are: H01 /,
    );
  });
});
