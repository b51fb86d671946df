import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../../scripts/release.mjs', import.meta.url));
const RELEASED =
  '# Changes\n\n## Unreleased\n\n## 1.2.0 (2026-11-23)\n\n- Locks.\n\n## 1.1.0 (2026-01-31)\n\n- Fewer.\n';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nestjs-pglock-release-'));
  git('init', '--quiet');
  manifest({ scripts: { check: 'node -e ""' } });
  write('CHANGELOG.md', RELEASED);
  commit();
});

afterEach(() => rmSync(directory, { recursive: true }));

function git(...args: readonly string[]): void {
  execFileSync('git', args, { cwd: directory });
}

function write(file: string, text: string): void {
  writeFileSync(join(directory, file), text);
}

function manifest(more: object): void {
  const usual = { name: 'x', version: '1.2.0', repository: 'github:example/x' };
  write('package.json', JSON.stringify({ ...usual, ...more }));
}

function commit(): void {
  git('add', '.');
  git('-c', 'user.name=x', '-c', 'user.email=x@example.org', 'commit', '--quiet', '--allow-empty', '-m', 'x');
}

function release(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], {
    cwd: directory,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** What it says of a CHANGELOG that is committed. */
function refusalOf(changelog: string): string {
  write('CHANGELOG.md', changelog);
  commit();
  const { status, stdout, stderr } = release('--dry-run');
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  return stderr;
}

describe('scripts/release.mjs', () => {
  it('runs the check, and prints the command that publishes with provenance', () => {
    const { status, stdout } = release();
    expect(status).toBe(0);
    expect(stdout).toBe(
      'git tag v1.2.0 && git push origin v1.2.0\nnpm publish --provenance --access public\n',
    );
  });

  it('keeps preliminary versions off the usual channel', () => {
    manifest({ version: '1.3.0-rc.1' });
    write('CHANGELOG.md', RELEASED.replace('1.2.0', '1.3.0-rc.1'));
    commit();
    expect(release('--dry-run').stdout).toContain('npm publish --provenance --access public --tag next\n');
  });

  it.each([
    ['has no section for the version', RELEASED.replace('1.2.0', '1.2.1'), 'no section "## 1.2.0 (date)"'],
    ['has no date', RELEASED.replace(' (2026-11-23)', ''), 'has no date'],
    ['has a date that is none', RELEASED.replace('2026-11-23', '2026-17-23'), 'has no date'],
    ['says pending', RELEASED.replace('- Locks.', '- Locks.\n- Pending: more.'), 'says "pending"'],
    ['has nothing in it', RELEASED.replace('- Locks.', ''), 'is empty'],
    ['is not complete', RELEASED.replace('Unreleased\n', 'Unreleased\n\n- More.\n'), 'under "Unreleased"'],
  ])('refuses while CHANGELOG %s', (_, changelog, refusal) => {
    expect(refusalOf(changelog)).toContain(refusal);
  });

  it('does not care what older sections say', () => {
    write('CHANGELOG.md', RELEASED.replace('- Fewer.', '- Pending requests are refused.'));
    commit();
    expect(release('--dry-run').status).toBe(0);
  });

  it('refuses a tree with changes, a version that is tagged elsewhere, and a private package', () => {
    git('tag', 'v1.2.0');
    write('new.txt', '');
    expect(release('--dry-run').stderr).toMatch(/not clean:\n\?\? new\.txt/);
    commit();
    expect(release('--dry-run').stderr).toContain('a tag v1.2.0 already, of another commit');
    manifest({ version: '1.3.0', private: true });
    expect(release('--dry-run').stderr).toContain('private');
  });

  it('runs on the tag that it asked for, where CI publishes', () => {
    git('tag', 'v1.2.0');
    expect(release('--dry-run').stdout).toBe('npm publish --provenance --access public\n');
  });

  it('says what to set where package.json names no repository', () => {
    manifest({ repository: undefined });
    expect(release('--dry-run').stderr).toContain(
      'repository.url=git+https://github.com/OWNER/NAME.git, with',
    );
    git('remote', 'add', 'origin', 'git@github.com:somebody/x.git');
    expect(release('--dry-run').stderr).toContain('repository.url=git+https://github.com/somebody/x.git.');
  });

  it.each([
    'https://github.com/example/x',
    'git@github.com:example/x.git',
    'ssh://git@github.com/example/x.git',
  ])('takes the repository of %s for the one that package.json names', (origin) => {
    git('remote', 'add', 'origin', origin);
    for (const repository of [
      'example/x',
      'github:example/x',
      { url: 'git+https://github.com/example/x.git' },
    ]) {
      manifest({ repository });
      commit();
      expect(release('--dry-run').status).toBe(0);
    }
    manifest({ repository: 'github:example/y' });
    expect(release('--dry-run').stderr).toContain('another repository (github:example/y) than origin');
  });

  it('refuses when the check fails', () => {
    manifest({ scripts: { check: 'exit 3' } });
    commit();
    const { status, stdout, stderr } = release();
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('`npm run check` failed');
  });
});
