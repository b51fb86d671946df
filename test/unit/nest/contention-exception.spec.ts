import { HttpException } from '@nestjs/common';
import { LockNotAvailableError } from '../../../lib/errors/lock-not-available.error.js';
import { contentionException } from '../../../lib/nest/exceptions/contention-exception.js';

describe('contentionException', () => {
  const error = new LockNotAvailableError('Advisory lock "x" is held.', { id: 'x', waited: 0 });
  const of = (type: string) =>
    contentionException(
      error,
      {
        getType: () => type,
        getClass: () => class Orders {},
        getHandler: () => function paid() {},
      } as unknown as Parameters<typeof contentionException>[1],
      {
        httpStatus: 423,
        isStopping: false,
      },
    );

  it("keeps its code from Nest's driver for Apollo, which replaces that of bodies with a statusCode", async () => {
    const refusal = (await of('graphql')) as HttpException;
    expect(refusal).toBeInstanceOf(HttpException);
    expect(refusal.getStatus()).toBe(423);
    expect(refusal.getResponse()).not.toHaveProperty('statusCode');
    expect(refusal).toMatchObject({ extensions: { code: '55P03' }, cause: error });
    expect(refusal.message).toMatch(/locked by another request/);
  });

  it('is the error itself where nobody answers', async () => {
    expect(await of('schedule')).toBe(error);
  });
});
