import { createHash, timingSafeEqual } from 'node:crypto';
import type { ViewerName } from '../dashboard-source.js';
import type { Access } from '../http/access.js';
import type { Exchange } from '../http/exchange.js';
import { Refusal } from '../http/refusal.js';

/** Lets in requests with the token: in the query, as the printed address has it, or as `Authorization: Bearer`. @internal */
export class TokenAccess implements Access {
  private readonly expected: Buffer;

  constructor(
    token: string,
    private readonly viewer: ViewerName,
  ) {
    this.expected = digest(token);
  }

  /** Compared in constant time, whatever its length. */
  check({ query, headers }: Exchange): Promise<ViewerName> {
    const given = query.get('token') ?? headers.authorization?.replace(/^Bearer /i, '') ?? '';
    if (timingSafeEqual(digest(given), this.expected)) return Promise.resolve(this.viewer);
    return Promise.reject(
      new Refusal(401, 'The address lacks its token: open the one that `pglock ui` printed.'),
    );
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
