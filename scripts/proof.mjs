// node scripts/proof.mjs: writes what README says of itself first, from what the runs of chaos and bench wrote into the documents.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { writeSection } from '../test/chaos/sections.mjs';

/** The figures, with what must be found of them, so that a report of another form is noticed. */
export function proof(comparison, reliability) {
  const [, faults, replicas] = found(/: (\d+) faults in .*? on (\w+) replicas/s, reliability);
  const [, violations] = found(/Violations: \*\*(\d+)\*\*/, reliability);
  const [, times] = found(/^\| \*\*nestjs-pglock\*\* +\|(?: *[\d.]+ \|){1} *([\d.]+) \|/m, comparison);
  return [
    `Fault-tested: ${faults} injected faults on ${replicas} replicas (process kills, network cuts, paused processes, server restarts),`,
    `${said(violations)}. A hundred concurrent locks share one connection, at **${times} ×** the throughput`,
    `of sequential \`pg\` calls ([performance](docs/performance.md)).`,
  ].join('\n');
}

/** What was violated is on the page. */
function said(violations) {
  if (violations === '0') return '**0** violations ([reliability](docs/reliability.md))';
  const what = violations === '1' ? 'violation, which' : 'violations, which';
  return `**${violations}** ${what} [reliability](docs/reliability.md) explains`;
}

function found(pattern, text) {
  const match = pattern.exec(text);
  if (match === null) throw new Error(`Nothing in the documents is like ${pattern}.`);
  return match;
}

/** Puts it into README. */
export async function writeProof() {
  const page = (path) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
  await writeSection('proof', proof(page('docs/comparison.md'), page('docs/reliability.md')), 'README.md');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeProof();
