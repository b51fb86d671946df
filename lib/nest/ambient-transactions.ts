import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { discoverTransactionResolver, type TransactionResolver } from '../transaction/ambient-transaction.js';
import { hasMethods } from '../transaction/transaction-adapter.js';

/** nestjs-cls' `TransactionHost`. */
interface TransactionHost {
  readonly tx: object;
  isTransactionActive(): boolean;
}

/** TypeORM's `DataSource`; under typeorm-transactional its manager is that of the running flow. */
interface DataSource {
  readonly manager?: object & { readonly queryRunner?: { readonly isTransactionActive?: boolean } };
}

/** MikroORM's `EntityManager`, which looks at its context. */
interface EntityManager {
  isInTransaction(): boolean;
}

/** Sequelize 7. */
interface Sequelize {
  getCurrentClsTransaction(): object | undefined;
}

/** Finds, among an application's providers, those that know the transaction of the running flow. @internal */
@Injectable()
export class AmbientTransactions implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #discovery: DiscoveryService;
  #forget: (() => void)[] = [];

  constructor(discovery: DiscoveryService) {
    this.#discovery = discovery;
  }

  onApplicationBootstrap(): void {
    const instances = new Set(this.#discovery.getProviders().map(({ instance }) => instance as unknown));
    const resolvers = [...instances].map(resolverOf).filter((resolver) => resolver !== undefined);
    this.#forget = resolvers.map(discoverTransactionResolver);
  }

  onModuleDestroy(): void {
    for (const forget of this.#forget) forget();
  }
}

function resolverOf(instance: unknown): TransactionResolver | undefined {
  if (typeof instance !== 'object' || instance === null) return undefined;
  try {
    return knownResolver(instance);
  } catch {
    // A provider may be a proxy that is not ready to be looked at.
    return undefined;
  }
}

function knownResolver(instance: object): TransactionResolver | undefined {
  if (hasMethods(instance, 'withTransaction', 'isTransactionActive')) {
    const host = instance as TransactionHost;
    return () => (host.isTransactionActive() ? host.tx : undefined);
  }
  if (hasMethods(instance, 'createQueryRunner', 'getRepository')) {
    const source = instance as DataSource;
    return () => (source.manager?.queryRunner?.isTransactionActive ? source.manager : undefined);
  }
  if (hasMethods(instance, 'isInTransaction', 'getTransactionContext', 'fork')) {
    const em = instance as EntityManager;
    return () => (em.isInTransaction() ? em : undefined);
  }
  if (hasMethods(instance, 'getCurrentClsTransaction')) {
    const sequelize = instance as Sequelize;
    return () => sequelize.getCurrentClsTransaction();
  }
  return undefined;
}
