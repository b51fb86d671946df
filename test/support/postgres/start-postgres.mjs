import { dockerAnswers, startContainer } from './container-server.mjs';
import { startEmbedded } from './embedded-server.mjs';
import { requestedMajor } from './settings.mjs';

/**
 * The one switch: which PostgreSQL do tests, samples and benchmarks talk to?
 *
 * 1. `DATABASE_URL`: a running server, left alone at the end;
 * 2. a container, where a Docker engine answers;
 * 3. the binaries from npm.
 *
 * `{ own: true }` always takes the third way, for a server that may be restarted and killed.
 */
export async function startPostgres(options = {}) {
  const major = options.major ?? requestedMajor();
  if (options.own) return startEmbedded({ ...options, major });
  const running = process.env.DATABASE_URL;
  if (running) return { url: running, stop: async () => undefined };
  if (await dockerAnswers()) return startContainer(major);
  return startEmbedded({ major });
}
