import pg from 'pg';
import type { Pool } from 'pg';

type Method = (...args: unknown[]) => unknown;

/**
 * The same pool, for an ORM to use and to "end": its `end()` resolves and does nothing, all the rest is the pool's. What a
 * pool gives back of itself (`on`, `once`, `setMaxListeners`) is the facade, too.
 *
 * Kysely, TypeORM and MikroORM end the pool that they were given when they close; the module ends its own at shutdown.
 *
 * @internal
 */
export function poolFacade<P extends Pool>(pool: P): P {
  const methods = new Map<PropertyKey, { readonly of: unknown; readonly bound: Method }>();
  const facade: P = new Proxy(pool, {
    get(target, property) {
      if (property === 'end') return endNothing;
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function' || isClass(property)) return value;
      const known = methods.get(property);
      if (known?.of === value) return known.bound;
      const bound = boundTo(target, value as Method, () => facade);
      methods.set(property, { of: value, bound });
      return bound;
    },
  });
  return facade;
}

/** What is constructed, not called. */
function isClass(property: PropertyKey): boolean {
  return property === 'constructor' || property === 'Client' || property === 'Promise';
}

function boundTo(pool: object, method: Method, facade: () => object): Method {
  return (...args) => {
    const result = method.apply(pool, args);
    return result === pool ? facade() : result;
  };
}

/**
 * The `driver` option of TypeORM: `pg`, whose `Pool` is always this one. TypeORM makes its pool itself, and ends it.
 *
 * @example new DataSource({ type: 'postgres', driver: pglock.pgDriver, entities: [Order] })
 * @see https://typeorm.io/docs/drivers/postgres
 * @internal
 */
export function pgDriver(pool: Pool): typeof pg {
  const facade = poolFacade(pool);
  // `new` on a plain function gives what the function returns.
  function SharedPool(): Pool {
    return facade;
  }
  return { ...pg, Pool: SharedPool as unknown as typeof pg.Pool };
}

function endNothing(callback?: () => void): Promise<void> | void {
  if (callback === undefined) return Promise.resolve();
  callback();
}
