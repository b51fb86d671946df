import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import * as today from '../../dist/esm/index.js';
import { countStatements } from '../harness/count-statements.mjs';

/** This library as an application has it: the module, the service, `advisory(id, work)`. */
export const open = (place) => openBuild(today, place);

/** Another build of the library is opened in the same way. */
export async function openBuild({ PgLockModule, PgLockService }, { url, options = {} }) {
  const root = PgLockModule.forRoot({ connection: url, ...options });
  const app = await NestFactory.createApplicationContext(root, { logger: ['error'] });
  const pglock = app.get(PgLockService);
  const statements = countStatements(pglock.pgDriver);
  return {
    pglock,
    app,
    statements,
    run: (id, work) => pglock.advisory(id, work),
    close: () => app.close(),
  };
}
