#!/usr/bin/env node
import { run } from './main.js';

// The reader of the output, or of the talk, may have closed it (`2>&1 | head`): what was begun goes on.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    if (stream === process.stdout)
      process.stderr.write(`pglock: Cannot write the output: ${error.message}\n`);
    process.exit(1);
  });

const { stdin, stdout, stderr, env } = process;
void run(process.argv.slice(2), { stdin, stdout, stderr, env, cwd: process.cwd() }).then(
  (code) => (process.exitCode = code),
);
