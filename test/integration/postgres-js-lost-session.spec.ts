import postgres from 'postgres';
import { TransactionStateError } from '../../lib/errors/transaction-state.error.js';
import { advisoryLocks, openCore } from '../support/cores.js';
import { useDatabase } from '../support/database.js';

describe('a reserved connection of postgres.js whose session was lost', () => {
  const database = useDatabase();

  it('is refused in the session in which postgres.js goes on with it', async () => {
    const { service: pglock } = openCore(database);
    let closed: () => void = () => undefined;
    const whenClosed = new Promise<void>((resolve) => (closed = resolve));
    const sql = postgres(database.url, { max: 1, onclose: () => closed(), onnotice: () => undefined });
    database.defer(() => sql.end({ timeout: 0 }));
    const reserved = await sql.reserve();
    await reserved`BEGIN`;
    await pglock.acquire('first', { transaction: reserved, timeout: 0 });
    const [before] = await reserved<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;

    await database.admin.query('SELECT pg_terminate_backend($1)', [before!.pid]);
    await whenClosed;
    await sql`SELECT 'another request'`;

    await expect(reserved`SELECT pg_backend_pid() AS pid`).resolves.not.toMatchObject([before!]);
    for (const name of ['first', 'second'])
      await expect(pglock.acquire(name, { transaction: reserved, timeout: 0 })).rejects.toThrow(
        TransactionStateError,
      );
    await expect(advisoryLocks(database)).resolves.toEqual([]);
  });
});
