import type { PgLockService } from '../../../lib/pg-lock.service.js';
import { deferred } from '../../support/database.js';

/** The tables that every client meets. */
export const SCHEMA = `
  CREATE SCHEMA billing;
  CREATE TABLE billing.invoices (id int PRIMARY KEY, status text NOT NULL DEFAULT 'open');
  CREATE TABLE users (id int PRIMARY KEY);
  CREATE TABLE "Weird ""na.me$1?" (id int PRIMARY KEY);
`;

/** An open transaction of a real client, ended by the test. */
export interface TestTransaction {
  readonly tx: object;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

/** A real client, connected. */
export interface OpenClient {
  /** What users might pass by mistake: the client itself, which is no transaction. */
  readonly root: object;
  /** What the client calls the model of `billing.invoices`, where it has models. */
  readonly models: readonly object[];
  begin(): Promise<TestTransaction>;
  close(): Promise<unknown>;
}

/** One that shares a pool: the module's own, or the one that was lent to it. */
export interface SharingClient {
  readonly name: string;
  open(pglock: PgLockService): Promise<OpenClient> | OpenClient;
}

/** One of the supported clients. */
export interface ClientUnderTest {
  readonly name: string;
  open(url: string): Promise<OpenClient>;
}

class RolledBack extends Error {}

/** Holds a transaction open that the client only gives to a callback. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- what the client calls its transaction
export async function heldOpen<Tx extends object>(
  run: (work: (tx: Tx) => Promise<void>) => Promise<unknown>,
): Promise<TestTransaction> {
  const begun = deferred<Tx>();
  const ending = deferred<'commit' | 'rollback'>();
  const done = run(async (tx) => {
    begun.resolve(tx);
    if ((await ending.promise) === 'rollback') throw new RolledBack();
  }).catch((error: unknown) => {
    if (!(error instanceof RolledBack)) throw error;
  });
  done.catch((error: unknown) => begun.reject(error));
  const end = async (how: 'commit' | 'rollback') => {
    ending.resolve(how);
    await done;
  };
  const tx = await begun.promise;
  return { tx, commit: () => end('commit'), rollback: () => end('rollback') };
}
