import { openCore } from '../support/cores.js';
import { useDatabase } from '../support/database.js';

const db = useDatabase();
const NAME = "SELECT current_setting('application_name') AS name";

describe('withContext', () => {
  it('names the sessions of a flow, and gives them their names back', async () => {
    const { service } = openCore(db, {
      connection: { connectionString: db.url, max: 1, application_name: 'api' },
    });
    const name = async () => (await service.pool.query<{ name: string }>(NAME)).rows[0]?.name;
    expect(await name()).toBe('api');
    await service.withContext({ route: 'GET /orders/:id' }, async () => {
      expect(await name()).toBe('api;route=GET /orders/:id');
      await service.withContext({ tenant: '7;x', 'a=b': 'c=d' }, async () => {
        expect(await name()).toBe('api;route=GET /orders/:id;tenant=7,x;a_b=c=d');
      });
      expect(await name()).toBe('api;route=GET /orders/:id');
    });
    expect(await name()).toBe('api');
  });

  it('keeps flows that share a pool of one apart', async () => {
    const { service } = openCore(db, { connection: { connectionString: db.url, max: 1 } });
    const names = await Promise.all(
      Array.from({ length: 20 }, (_, index) => {
        const ask = () => service.pool.query<{ name: string }>(NAME);
        return index % 3 === 0 ? ask() : service.withContext({ job: String(index) }, ask);
      }),
    );
    expect(names.map(({ rows }) => rows[0]?.name)).toEqual(
      Array.from({ length: 20 }, (_, index) => (index % 3 === 0 ? '' : `;job=${index}`)),
    );
  });

  it('is seen by whoever looks at locks', async () => {
    const { service } = openCore(db);
    await service.withContext({ job: 'nightly' }, () =>
      service.transaction(async (tx) => {
        await tx.query('SELECT pg_advisory_xact_lock(9)');
        expect(await service.locks.find({ ids: [9] })).toMatchObject([
          { activity: { context: { job: 'nightly' } } },
        ]);
      }),
    );
  });

  it('cuts what is too long, and refuses what is no text', async () => {
    const { service } = openCore(db);
    await service.withContext({ route: 'x'.repeat(100) }, async () => {
      const { rows } = await service.pool.query<{ name: string }>(NAME);
      expect(rows[0]?.name).toHaveLength(63);
    });
    for (const context of [{ route: 1 }, null, { a: 'b\0' }])
      await expect(service.withContext(context as never, () => undefined)).rejects.toThrow('context');
  });
});
