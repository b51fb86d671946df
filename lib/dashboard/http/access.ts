import type { ViewerName } from '../dashboard-source.js';
import type { Exchange } from './exchange.js';

/** Who may look. Asked for every request, and again for streams that stay open. @internal */
export interface Access {
  /**
   * @returns what the viewer is called, null where that is not known.
   * @throws {Refusal} when they may not.
   */
  check(exchange: Exchange): Promise<ViewerName>;
}
