// node scripts/release.mjs: makes sure that this version may be published, and prints the command that publishes it.
// It publishes nothing. `--dry-run` leaves out `npm run check`.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

/** Why it may not be published yet. */
class Refusal extends Error {}

/** The text under a version's heading, with its date: `## 1.2.0 (2026-11-23)`. */
function sectionOf(changelog, version) {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((one) => one.split(/[\s(]/, 1)[0] === version);
  if (section === undefined) throw new Refusal(`CHANGELOG.md has no section "## ${version} (date)".`);
  const [heading, ...lines] = section.split('\n');
  return { heading, text: lines.join('\n').trim(), sections };
}

/** Users read it: what changed, when, and nothing that is still to come. */
function checkChangelog(version) {
  const changelog = readFileSync('CHANGELOG.md', 'utf8');
  const { heading, text, sections } = sectionOf(changelog, version);
  const [, date] = /\((\d{4}-\d{2}-\d{2})\)\s*$/.exec(heading) ?? [];
  if (date === undefined || Number.isNaN(Date.parse(date)))
    throw new Refusal(`The section of ${version} in CHANGELOG.md has no date: "## ${version} (2026-01-31)".`);
  if (text === '') throw new Refusal(`The section of ${version} in CHANGELOG.md is empty.`);
  if (/\bpending\b/i.test(`${heading} ${text}`))
    throw new Refusal(`The section of ${version} in CHANGELOG.md says "pending".`);
  const unreleased = sections.find((one) => /^unreleased\b/i.test(one));
  if (unreleased !== undefined && unreleased.split('\n').slice(1).join('').trim() !== '')
    throw new Refusal(`CHANGELOG.md still has changes under "Unreleased": move them to ${version}.`);
}

function checkManifest({ version, repository, private: isPrivate }) {
  if (isPrivate) throw new Refusal('package.json says that the package is private.');
  checkRepository(repository?.url ?? repository);
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    throw new Refusal(`package.json has no version of three numbers: "${version}".`);
  if (isTagged(version) && git('rev-list', '-n', '1', `v${version}`) !== git('rev-parse', 'HEAD'))
    throw new Refusal(`There is a tag v${version} already, of another commit.`);
}

/** The registry refuses a provenance whose repository is not the one that package.json names. */
function checkRepository(url) {
  const origin = gitOrNothing('remote', 'get-url', 'origin');
  const built = origin === '' ? undefined : repositoryOf(origin);
  const set = `npm pkg set repository.type=git repository.url=git+https://${built ?? 'github.com/OWNER/NAME'}.git`;
  const where = built === undefined ? ', with the owner and the name of the one whose CI publishes' : '';
  if (!url)
    throw new Refusal(
      `package.json names no repository, without which the registry refuses the provenance. Set it: ${set}${where}.`,
    );
  if (built !== undefined && repositoryOf(url) !== built)
    throw new Refusal(
      `package.json names another repository (${url}) than origin, and the registry would refuse the provenance. Set it: ${set}`,
    );
}

/** `github.com/owner/name`, however it is written: as a URL, for ssh, or short as npm has it. */
function repositoryOf(url) {
  const short = /^(?:(github|gitlab):)?([\w.-]+\/[\w.-]+)$/.exec(url);
  if (short) return `${short[1] ?? 'github'}.com/${short[2]}`;
  return url
    .replace(/^(git\+)?\w+:\/\//, '')
    .replace(/^[^@/]*@/, '')
    .replace(':', '/')
    .replace(/\.git$/, '');
}

function isTagged(version) {
  return git('tag', '--list', `v${version}`) !== '';
}

function checkTree() {
  const changed = git('status', '--porcelain');
  if (changed !== '') throw new Refusal(`The working tree is not clean:\n${changed}`);
}

function git(...args) {
  return execFileSync('git', args, { encoding: 'utf8' }).trim();
}

function gitOrNothing(...args) {
  const { stdout } = spawnSync('git', args, { encoding: 'utf8' });
  return stdout.trim();
}

try {
  const { values } = parseArgs({ options: { 'dry-run': { type: 'boolean', default: false } } });
  const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
  const { version } = manifest;
  checkManifest(manifest);
  checkChangelog(version);
  checkTree();
  if (!values['dry-run']) execFileSync('npm', ['run', 'check'], { stdio: ['ignore', 2, 2] });
  const channel = version.includes('-') ? ' --tag next' : '';
  console.error(`${manifest.name} ${version} may be published, from CI, where its provenance can be signed:`);
  if (!isTagged(version)) console.log(`git tag v${version} && git push origin v${version}`);
  console.log(`npm publish --provenance --access public${channel}`);
} catch (error) {
  if (!(error instanceof Refusal) && error.status === undefined) throw error;
  console.error(error instanceof Refusal ? `Refused. ${error.message}` : 'Refused. `npm run check` failed.');
  process.exitCode = 1;
}
