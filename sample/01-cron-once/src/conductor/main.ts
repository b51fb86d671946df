import { readOptions, USAGE } from './options.js';
import { runShow } from './show.js';

const options = readOptions(process.argv.slice(2));
if (options === undefined) {
  console.error(USAGE);
  process.exit(2);
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    // The second one is impatience: replicas and server notice that this process is gone, and end by themselves.
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  });

process.exitCode = (await runShow(options, stop.signal)) ? 0 : 1;
