import type { ClientUnderTest } from './client-under-test.js';
import { drizzleClient } from './drizzle.client.js';
import { knexClient, knexReshaped, objectionClient } from './knex.client.js';
import { kyselyClient, kyselyControlled, kyselyParsing, kyselyReshaped } from './kysely.client.js';
import { mikroOrmClient } from './mikro-orm.client.js';
import { nativePg, pgNativeClient } from './pg-native.client.js';
import { pgPromiseClient, pgPromiseReceiving } from './pg-promise.client.js';
import { pgClient, pgParsing, pgRaw, pgWatched } from './pg.client.js';
import {
  drizzleOnPostgresJs,
  kyselyOnPostgresJs,
  postgresJsClient,
  postgresJsReserved,
  postgresJsTransformed,
} from './postgres-js.client.js';
import { prismaClient, prismaExtended } from './prisma.client.js';
import { sequelize7Client } from './sequelize-7.client.js';
import { sequelizeClient, sequelizeRetrying } from './sequelize.client.js';
import { typeOrmManager, typeOrmQueryRunner } from './typeorm.client.js';

/** Every client that the library supports, as its own documentation says that it is used, and as people configure it. */
export const ALL_CLIENTS: readonly ClientUnderTest[] = [
  pgClient,
  pgParsing,
  pgRaw,
  pgWatched,
  typeOrmManager,
  typeOrmQueryRunner,
  prismaClient,
  prismaExtended,
  drizzleClient,
  drizzleOnPostgresJs,
  kyselyClient,
  kyselyReshaped,
  kyselyParsing,
  kyselyControlled,
  kyselyOnPostgresJs,
  knexClient,
  knexReshaped,
  objectionClient,
  mikroOrmClient,
  sequelizeClient,
  sequelizeRetrying,
  sequelize7Client,
  postgresJsClient,
  postgresJsTransformed,
  postgresJsReserved,
  pgPromiseClient,
  pgPromiseReceiving,
  ...(nativePg === undefined ? [] : [pgNativeClient]),
];
