import { fileURLToPath } from 'node:url';

/** The compiler's output, file by file. */
export const BUILD = fileURLToPath(new URL('../../build', import.meta.url));
/** What is published. */
export const DIST = fileURLToPath(new URL('../../dist', import.meta.url));

/** What `exports` of package.json leads to, by the names of the published files. */
export const ENTRIES = {
  index: 'index',
  testing: 'testing/index',
  dashboard: 'dashboard/index',
  explain: 'explain/index',
  cli: 'cli/index',
};
/** The command. */
export const COMMAND = { bin: 'cli/bin' };
