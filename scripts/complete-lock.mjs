// node complete-lock.mjs <package-lock.json>: adds the optional packages of other platforms which a registry that
// filters by platform left out, so that `npm ci` accepts the lock everywhere. Idempotent.
import { readFileSync, writeFileSync } from 'node:fs';
const file = process.argv[2];
const lock = JSON.parse(readFileSync(file, 'utf8'));
const packages = lock.packages;
const parents = (path) => {
  const out = [];
  for (let at = path; ;) {
    out.push(at === '' ? 'node_modules/' : `${at}/node_modules/`);
    if (at === '') return out;
    const cut = at.lastIndexOf('/node_modules/');
    at = cut < 0 ? '' : at.slice(0, cut);
  }
};
const OS = {
  darwin: 'darwin',
  linux: 'linux',
  win32: 'win32',
  windows: 'win32',
  android: 'android',
  freebsd: 'freebsd',
  openharmony: 'openharmony',
  aix: 'aix',
  sunos: 'sunos',
  netbsd: 'netbsd',
  openbsd: 'openbsd',
};
const CPU = ['arm64', 'x64', 'ia32', 'ppc64', 's390x', 'loong64', 'riscv64', 'arm', 'mips64el'];
let added = 0;
for (const [path, entry] of Object.entries({ ...packages })) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    const places = parents(path);
    const major = (version) => version.replace(/^\D+/, '').split('.')[0];
    const fits = (one) => one !== undefined && major(one.version) === major(range);
    if (places.some((at) => fits(packages[at + name]))) continue;
    const siblings = Object.keys(entry.optionalDependencies).filter((other) => other !== name);
    const near = places.find((at) => siblings.some((other) => fits(packages[at + other])));
    const sibling = siblings.map((other) => packages[near + other]).find(fits);
    const version = /^\d/.test(range) ? range : sibling?.version;
    const words = name.split('/').pop().split('-');
    const os = words.map((word) => OS[word]).find(Boolean);
    const cpu = words.map((word) => CPU.find((one) => word === one)).find(Boolean);
    if (!os || !version) {
      console.error('left alone:', name, range);
      continue;
    }
    const at = near ?? places.at(-1);
    if (packages[at + name]) {
      console.error('taken:', at + name);
      continue;
    }
    packages[at + name] = {
      version,
      ...(cpu ? { cpu: [cpu] } : {}),
      ...(entry.dev ? { dev: true } : {}),
      optional: true,
      os: [os],
    };
    added++;
  }
}
const order = Object.keys(packages).sort((a, b) => (a === '' ? -1 : b === '' ? 1 : a.localeCompare(b, 'en')));
lock.packages = Object.fromEntries(order.map((key) => [key, packages[key]]));
if (added > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`added ${added}`);
