import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { PrismaPg } from '@prisma/adapter-pg';
import { heldOpen, type ClientUnderTest } from './client-under-test.js';
import { reshaped } from './plugins.js';

export interface PrismaClient {
  $extends(extension: object): PrismaClient;
  $transaction(work: (tx: object) => Promise<void>, options: { readonly timeout: number }): Promise<void>;
  $disconnect(): Promise<void>;
}

export interface GeneratedClient {
  readonly PrismaClient: new (options: { readonly adapter: PrismaPg }) => PrismaClient;
}

/** Generates the client into `.cache/`, which needs no network, and loads it. */
export async function generatedClient(): Promise<GeneratedClient> {
  const here = resolve(import.meta.dirname);
  const prisma = createRequire(import.meta.url).resolve('prisma/build/index.js');
  await promisify(execFile)(
    process.execPath,
    [prisma, 'generate', '--schema', resolve(here, 'prisma/schema.prisma')],
    { env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true', CHECKPOINT_DISABLE: '1' } },
  );
  const generated = resolve(here, '../../../.cache/prisma-test/client.ts');
  return (await import(generated)) as GeneratedClient;
}

function client(name: string, extended: (prisma: PrismaClient) => PrismaClient): ClientUnderTest {
  return {
    name,
    async open(url) {
      const { PrismaClient } = await generatedClient();
      const prisma = extended(new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) }));
      return {
        root: prisma,
        models: [],
        begin: () => heldOpen<object>((work) => prisma.$transaction(work, { timeout: 60_000 })),
        close: () => prisma.$disconnect(),
      };
    },
  };
}

export const prismaClient = client('Prisma', (prisma) => prisma);
export const prismaExtended = client('Prisma with $extends', (prisma) =>
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
  }),
);
