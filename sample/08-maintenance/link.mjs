// What `npm install` makes of "file:../..", without a registry: node_modules/nestjs-pglock is the repository itself.
import { mkdirSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

mkdirSync(here('node_modules'), { recursive: true });
try {
  symlinkSync(here('../..'), here('node_modules/nestjs-pglock'), 'junction');
} catch (error) {
  if (error.code !== 'EEXIST') throw error;
}
