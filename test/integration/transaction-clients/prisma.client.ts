import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { PrismaPg } from '@prisma/adapter-pg';
import { heldOpen, type ClientUnderTest, type OpenClient, type SharingClient } from './client-under-test.js';
import { reshaped } from './plugins.js';

export interface PrismaClient {
  $extends(extension: object): PrismaClient;
  $transaction(
    work: (tx: object) => Promise<void>,
    options: { readonly maxWait: number; readonly timeout: number },
  ): Promise<void>;
  $disconnect(): Promise<void>;
}

export interface GeneratedClient {
  readonly PrismaClient: new (options: { readonly adapter: PrismaPg }) => PrismaClient;
}

let generated: Promise<string> | undefined;

/** Generates the client, and loads it. */
export async function generatedClient(): Promise<GeneratedClient> {
  return (await import(resolve(await generatedFiles(), 'client.ts'))) as GeneratedClient;
}

/** Generates the client into `.cache/`, which needs no network: once for each file of tests. @returns its folder. */
export function generatedFiles(): Promise<string> {
  return (generated ??= generate());
}

async function generate(): Promise<string> {
  const here = resolve(import.meta.dirname);
  const prisma = createRequire(import.meta.url).resolve('prisma/build/index.js');
  await promisify(execFile)(
    process.execPath,
    [prisma, 'generate', '--schema', resolve(here, 'prisma/schema.prisma')],
    { env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true', CHECKPOINT_DISABLE: '1' } },
  );
  return resolve(here, '../../../.cache/prisma-test');
}

async function opened(
  adapter: PrismaPg,
  extended: (prisma: PrismaClient) => PrismaClient,
): Promise<OpenClient> {
  const { PrismaClient } = await generatedClient();
  const prisma = extended(new PrismaClient({ adapter }));
  return {
    root: prisma,
    models: [],
    begin: () => heldOpen<object>((work) => prisma.$transaction(work, { maxWait: 60_000, timeout: 60_000 })),
    close: () => prisma.$disconnect(),
  };
}

const reshaping = (prisma: PrismaClient): PrismaClient =>
  prisma.$extends({
    query: {
      $allOperations: async ({
        args,
        query,
      }: {
        args: unknown;
        query: (args: unknown) => Promise<unknown>;
      }) => reshaped(await query(args)),
    },
  });

export const prismaClient: ClientUnderTest = {
  name: 'Prisma',
  open: (url) => opened(new PrismaPg({ connectionString: url }), (prisma) => prisma),
};
export const prismaExtended: ClientUnderTest = {
  name: 'Prisma with $extends',
  open: (url) => opened(new PrismaPg({ connectionString: url }), reshaping),
};
export const prismaSharing: SharingClient = {
  name: 'Prisma with $extends',
  open: ({ pool }) => opened(new PrismaPg(pool), reshaping),
};
