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
    `**${violations}** violations ([reliability](docs/reliability.md)). A hundred concurrent locks share one connection, at **${times} ×** the throughput`,
    `of sequential \`pg\` calls ([performance](docs/performance.md)).`,
  ].join('\n');
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
