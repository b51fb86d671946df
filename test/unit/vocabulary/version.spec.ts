import { readFileSync } from 'node:fs';
import { VERSION } from '../../../lib/vocabulary/version.js';

describe('VERSION', () => {
  it('is that of package.json', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(VERSION).toBe(version);
  });
});
