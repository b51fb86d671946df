import { HttpException, type CanActivate, type Type } from '@nestjs/common';
import { isObservable, lastValueFrom } from 'rxjs';
import type { ViewerName } from '../dashboard-source.js';
import type { AuthorizeDashboard } from '../dashboard-options.js';
import type { Access } from '../http/access.js';
import type { Exchange } from '../http/exchange.js';
import { Refusal } from '../http/refusal.js';
import { GuardContext } from './guard-context.js';

/** Lets in whom the given guards and then `authorize` let in. @internal */
export class NestAccess implements Access {
  constructor(
    private readonly host: Type,
    private readonly guards: readonly CanActivate[],
    private readonly authorize: AuthorizeDashboard | false,
  ) {}

  async check({ request, platformResponse }: Exchange): Promise<ViewerName> {
    const context = new GuardContext(this.host, request, platformResponse);
    for (const guard of this.guards) {
      const answer = await asRefusal(async () => {
        const given = guard.canActivate(context);
        return isObservable(given) ? lastValueFrom(given) : given;
      });
      if (!answer) throw new Refusal(403, 'A guard does not let you look.');
    }
    if (this.authorize === false) return null;
    const { authorize } = this;
    const answer: unknown = await asRefusal(async () => authorize(request));
    if (answer === true) return null;
    if (typeof answer === 'string' && answer.trim() !== '') return answer;
    throw new Refusal(403, 'You may not look.');
  }
}

/** What the application throws as an answer of HTTP is one; everything else is for its log, and not for the client. */
async function asRefusal<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof HttpException) throw new Refusal(error.getStatus(), error.message);
    throw new Refusal(500, 'Who may look could not be found out.', { cause: error });
  }
}
