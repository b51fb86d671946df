#!/usr/bin/env node
import { run } from './main.js';

// The reader of the output may have closed it (`| head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const { stdin, stdout, stderr, env } = process;
void run(process.argv.slice(2), { stdin, stdout, stderr, env, cwd: process.cwd() }).then(
  (code) => (process.exitCode = code),
);
