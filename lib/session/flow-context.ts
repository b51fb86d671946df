import type { ClientBase } from 'pg';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { nameSession, type NameSessionRow } from '../sql/flow-context.js';
import { FlowVariable } from '../vocabulary/flow-variable.js';
import { printable } from '../vocabulary/printable.js';
import { clientRows } from './client-rows.js';
import { toldPid } from './told-pid.js';

/** What a flow attaches to the sessions that it takes: `route`, `job`, whatever helps to find the code. @publicApi */
export type FlowContextValues = Readonly<Record<string, string>>;

/** The characters that separate: they would make another context of it. */
const SEPARATORS = /[;=]/g;
const UNPRINTABLE = /[^\x20-\x7e]+/g;

/**
 * What the running flow attaches to its sessions, as the end of their `application_name`: `;route=GET /orders;tenant=7`.
 *
 * @internal
 */
export class FlowContext {
  readonly #labels = new FlowVariable<string>();

  /** Read synchronously; `undefined` where nothing is attached. */
  get label(): string | undefined {
    return this.#labels.getStore();
  }

  /** Runs work in a context, added to the one around it. @throws {PgLockUsageError} when a value is no text. */
  run<T>(values: FlowContextValues, work: () => T): T {
    return this.#labels.run(`${this.label ?? ''}${labelOf(values)}`, work);
  }
}

function labelOf(values: FlowContextValues): string {
  if (typeof values !== 'object' || (values as unknown) === null)
    throw new PgLockUsageError(
      `A context is an object of texts, such as { route }; got ${printable(values)}.`,
    );
  return Object.entries(values)
    .map(([key, value]: [string, unknown]) => {
      if (typeof value !== 'string' || `${key}${value}`.includes('\0'))
        throw new PgLockUsageError(
          `The context's ${printable(key)} must be a text without NUL, as its name; got ${printable(value)}.`,
        );
      // A semicolon begins the next value; an equals sign may stand in one.
      return shown(`;${key.replace(SEPARATORS, '_')}=${value.replaceAll(';', ',')}`);
    })
    .join('');
}

/** Bytes that no `application_name` holds, as PostgreSQL 16 shows them itself: `ü` is no character of every database. */
function shown(label: string): string {
  return label.replace(UNPRINTABLE, (text) =>
    Array.from(Buffer.from(text), (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''),
  );
}

interface Named {
  readonly label: string;
  readonly former: string;
}

/**
 * Gives sessions the name of the flow that takes them. A session keeps its name until a flow with another context, or with none,
 * takes it: only then is a message sent.
 *
 * @internal
 */
export class ContextClients {
  readonly #named = new WeakMap<object, Named>();

  async fit(client: ClientBase, label: string | undefined): Promise<void> {
    const named = this.#named.get(client);
    if (named?.label === label) return;
    const statement = nameSession(named?.former ?? null, label ?? '', toldPid(client));
    const [row] = await clientRows<NameSessionRow>(client, statement);
    if (label === undefined) this.#named.delete(client);
    else this.#named.set(client, { label, former: named?.former ?? row?.former ?? '' });
  }
}
