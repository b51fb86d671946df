import { Remote } from '../harness/remote.mjs';

/**
 * The same server, further away: a TCP proxy in a process of its own that hands on every byte later, in both directions.
 *
 * @param roundTripMs what the way there and back takes.
 * @returns the server's URL over the proxy.
 */
export async function openDistance(url, roundTripMs) {
  const { hostname, port } = new URL(url);
  const proxy = await Remote.start(new URL('proxy.mjs', import.meta.url), {
    args: [hostname, port || '5432', String(roundTripMs / 2)],
  });
  const far = new URL(url);
  far.hostname = '127.0.0.1';
  far.port = String(await proxy.call('port'));
  return { url: far.href, close: () => proxy.stop() };
}
