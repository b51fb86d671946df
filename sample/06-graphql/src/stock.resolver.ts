import { UseInterceptors } from '@nestjs/common';
import { Args, Int, Mutation, Query, Resolver } from '@nestjs/graphql';
import { AdvisoryLock, PgLockService } from 'nestjs-pglock';

/** The arguments of a mutation are the second of a resolver's. */
const productLock = AdvisoryLock((ctx) => `product:${ctx.getArgByIndex<{ product: string }>(1).product}`, {
  timeout: '1s',
});

@Resolver()
export class StockResolver {
  constructor(private readonly pglock: PgLockService) {}

  @Query(() => String)
  hint(): string {
    return 'mutation { count(product: "lamp", seconds: 5) }';
  }

  /** A second count of the same product waits for a second, and gets an error with `code: "55P03"`. */
  @Mutation(() => String)
  @UseInterceptors(productLock)
  async count(
    @Args('product') product: string,
    @Args('seconds', { type: () => Int }) seconds: number,
  ): Promise<string> {
    await this.pglock.pool.query('SELECT pg_sleep($1)', [seconds]);
    return `${product} counted`;
  }
}
