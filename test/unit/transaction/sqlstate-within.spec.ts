import { sqlStateWithin } from '../../../lib/transaction/sqlstate-within.js';

const withFields = (fields: object) => Object.assign(new Error('failed'), fields);
const driver = withFields({ code: '55P03' });

describe('sqlStateWithin', () => {
  it.each([
    ['pg', driver],
    ['TypeORM', withFields({ driverError: driver })],
    ['Sequelize', withFields({ parent: driver, original: driver })],
    ['Drizzle', new Error('Failed query', { cause: driver })],
    ['an error in an error', new Error('outer', { cause: new Error('inner', { cause: driver }) })],
    [
      'Prisma',
      withFields({ code: 'P2010', meta: { driverAdapterError: { cause: { originalCode: '55P03' } } } }),
    ],
    ['Prisma 6', withFields({ code: 'P2010', meta: { code: '55P03', message: 'x' } })],
  ])('finds it where %s hides it', (_, error) => {
    expect(sqlStateWithin(error)).toBe('55P03');
  });

  it.each([
    ['nothing', undefined],
    ['no error', 'an error'],
    ['an error without a code', new Error('plain')],
    ['an error of the system', withFields({ code: 'EPIPE' })],
    ['an error of Prisma alone', withFields({ code: 'P2028' })],
    ['a code that is too long', withFields({ code: '55P03X' })],
    ['a code in lower case', withFields({ code: '55p03' })],
  ])('finds none in %s', (_, error) => {
    expect(sqlStateWithin(error)).toBeUndefined();
  });

  it('ends on an error that is its own cause', () => {
    const error = new Error('round');
    error.cause = error;
    expect(sqlStateWithin(error)).toBeUndefined();
  });

  it('knows the codes of PL/pgSQL, which look like those of Prisma', () => {
    expect(sqlStateWithin(withFields({ code: 'P0001' }))).toBe('P0001');
  });
});
