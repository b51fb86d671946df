import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
// MikroORM compares its version with that in the working directory, where this repository's tests have another one.
process.env.MIKRO_ORM_ALLOW_VERSION_MISMATCH = '1';

/** The provider's `execute`, on MikroORM as Medusa sets it up, with its default pool of 10. */
export async function open({ url }) {
  const { MikroORM } = require('@medusajs/framework/mikro-orm/postgresql');
  const { services } = require('@medusajs/locking-postgres').default;
  const [Provider] = services;
  const orm = await MikroORM.init({
    clientUrl: url,
    entities: [],
    discovery: { warnWhenNoEntities: false },
    pool: { min: 0, max: 10 },
  });
  const provider = new Provider({ manager: orm.em.fork() }, {}, {});
  return {
    run: (id, work) => provider.execute(id, work, { timeout: 60 }),
    close: () => orm.close(),
  };
}
