import { Refusal } from './refusal.js';
import type { Exchange } from './exchange.js';

/**
 * Lets through what the page itself, or a program, asks to be done; not what another site makes a browser ask: such a request
 * cannot carry the header without a preflight, and browsers say where it comes from.
 *
 * @throws {Refusal} with 403.
 * @see https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
 * @internal
 */
export function assertOwnRequest({ headers }: Exchange): void {
  if (headers['x-pglock'] !== '1') throw new Refusal(403, 'POST needs the header X-PgLock: 1.');
  const site = headers['sec-fetch-site'];
  if (site === 'same-origin') return;
  if (site !== undefined && site !== 'none') throw new Refusal(403, 'The request comes from another site.');
  const { origin, host } = headers;
  if (origin !== undefined && hostOf(origin) !== host?.toLowerCase())
    throw new Refusal(
      403,
      'The request comes from another site. Behind a proxy, let it pass on the Host header that the browser sent.',
    );
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
