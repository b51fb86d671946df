// npm run findings: runs every script of findings/, and says which no longer see what they saw.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../findings/', import.meta.url));
const scripts = readdirSync(folder).filter((name) => name.endsWith('.sh') && name !== 'support.sh');
const changed = scripts.filter((name) => {
  console.log(`== ${name}`);
  return spawnSync('bash', [name], { cwd: folder, stdio: 'inherit' }).status !== 0;
});
console.log(changed.length === 0 ? `All ${scripts.length} as before.` : `Changed: ${changed.join(', ')}`);
process.exitCode = changed.length === 0 ? 0 : 1;
