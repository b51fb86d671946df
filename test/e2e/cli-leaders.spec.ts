import { openCore } from '../support/cores.js';
import { cliFolder } from '../support/cli.js';
import { eventually, useDatabase } from '../support/database.js';

describe('pglock leaders', () => {
  const db = useDatabase();
  const forever = ({ signal }: { readonly signal: AbortSignal }) =>
    new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

  it('lists who leads what, and how many stand by, as a table and as JSON', async () => {
    const { pglock } = cliFolder(db);
    expect(await pglock(['leaders'])).toMatchObject({ code: 0, stdout: '' });
    const connection = { connectionString: db.url, application_name: 'orders-api' };
    const [a, b] = [openCore(db, { connection }), openCore(db, { connection })];
    void a.service.lead('poller', forever);
    await eventually(() => a.service.isLeader('poller'));
    void b.service.lead('poller', forever);
    await eventually(async () => (await a.service.leaders.find())[0]?.standingBy === 1);
    // Who is too busy to answer within a second is left out.
    await eventually(async () => {
      const { code, stdout } = await pglock(['leaders']);
      const [title = '', row = ''] = stdout.split('\n');
      expect(code).toBe(0);
      expect(title).toMatch(/^name +leader +host +pid +for +term +standing by$/);
      expect(row).toMatch(/^poller +orders-api +\S+ +\d+ .+ \d+ +1$/);
      return true;
    });
    const [status] = await a.service.leaders.find();
    const { leader, key } = status!;
    await eventually(async () => {
      const found = JSON.parse((await pglock(['leaders', '--json'])).stdout) as unknown;
      expect(found).toMatchObject([
        {
          name: 'poller',
          key,
          standingBy: 1,
          leader: {
            ...{ applicationName: 'orders-api', own: false },
            ...{ pid: leader!.pid, term: String(leader!.term) },
          },
        },
      ]);
      return true;
    });
  });

  it('says so where the server is away', async () => {
    const { pglock } = cliFolder(db);
    const nowhere = { DATABASE_URL: 'postgres://127.0.0.1:1/nowhere' };
    expect(await pglock(['leaders'], nowhere)).toMatchObject({ code: 3, stdout: '' });
  });
});
