import type { ClientUnderTest, SharingClient } from './client-under-test.js';
import { drizzleClient, drizzleSharing } from './drizzle.client.js';
import { knexClient, knexReshaped, knexSharing, objectionClient } from './knex.client.js';
import {
  kyselyClient,
  kyselyControlled,
  kyselyParsing,
  kyselyReshaped,
  kyselySharing,
} from './kysely.client.js';
import { mikroOrmClient, mikroOrmSharing } from './mikro-orm.client.js';
import { nativePg, pgNativeClient } from './pg-native.client.js';
import { pgPromiseClient, pgPromiseReceiving } from './pg-promise.client.js';
import { pgClient, pgParsing, pgRaw, pgSharing, pgWatched } from './pg.client.js';
import {
  drizzleOnPostgresJs,
  kyselyOnPostgresJs,
  postgresJsClient,
  postgresJsReserved,
  postgresJsTransformed,
} from './postgres-js.client.js';
import { prismaClient, prismaExtended, prismaSharing } from './prisma.client.js';
import { sequelize7Client } from './sequelize-7.client.js';
import { sequelizeClient, sequelizeRetrying } from './sequelize.client.js';
import { slonikClient, slonikIntercepted } from './slonik.client.js';
import { typeOrmManager, typeOrmQueryRunner, typeOrmSharing } from './typeorm.client.js';

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
  slonikClient,
  slonikIntercepted,
  ...(nativePg === undefined ? [] : [pgNativeClient]),
];

/** Those that take a pool, in their worst configuration. */
export const SHARING_CLIENTS: readonly SharingClient[] = [
  pgSharing,
  typeOrmSharing,
  prismaSharing,
  drizzleSharing,
  kyselySharing,
  knexSharing,
  mikroOrmSharing,
];
