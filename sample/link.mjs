// What `npm install` makes of "file:../.." in the directory of a sample, without a registry: its node_modules/nestjs-pglock is the
// repository itself.
import { mkdirSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

mkdirSync('node_modules', { recursive: true });
try {
  symlinkSync(fileURLToPath(new URL('..', import.meta.url)), 'node_modules/nestjs-pglock', 'junction');
} catch (error) {
  if (error.code !== 'EEXIST') throw error;
}
