import { LockSessionError } from '../errors/lock-session.error.js';

/** The server has not answered for as long as the lease allows: as far as one can know, it cannot be reached. @internal */
export class SilenceError extends LockSessionError {
  constructor() {
    super('The server did not answer within the lease of the lock session.');
    this.name = 'LockSessionError';
  }
}
