import type { ClientUnderTest } from './client-under-test.js';
import { drizzleClient } from './drizzle.client.js';
import { knexClient } from './knex.client.js';
import { kyselyClient, kyselyControlled } from './kysely.client.js';
import { mikroOrmClient } from './mikro-orm.client.js';
import { pgClient } from './pg.client.js';
import { prismaClient } from './prisma.client.js';
import { sequelizeClient } from './sequelize.client.js';
import { typeOrmManager, typeOrmQueryRunner } from './typeorm.client.js';

/** Every client that the library supports, each as its own documentation says that it is used. */
export const ALL_CLIENTS: readonly ClientUnderTest[] = [
  pgClient,
  typeOrmManager,
  typeOrmQueryRunner,
  prismaClient,
  drizzleClient,
  kyselyClient,
  kyselyControlled,
  knexClient,
  mikroOrmClient,
  sequelizeClient,
];
