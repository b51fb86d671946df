import type { Client } from 'pg';
import type { Connector } from '../../session/connector.js';
import { runDiscardingRows } from '../../session/discard-rows.js';
import { toldPid } from '../../session/told-pid.js';
import { lookAtOwnSession, READ_RELATIONS, type CatalogRelation, type Look } from '../../sql/explain-look.js';
import {
  cancelBackend,
  READ_OWN_BACKEND,
  readSettingValue,
  setLocalSetting,
} from '../../sql/explain-session.js';
import type { Statement } from '../../sql/statement.js';

/** Text comes as the server writes it, whatever parsers an application has set for all of `pg`. */
const AS_TEXT = { getTypeParser: () => (value: unknown) => value } as never;

/** One connection to the database that statements are explained on. @internal */
export class ExplainSession {
  readonly #connector: Connector;
  readonly #client: Client;
  #forgotten = 0;

  private constructor(connector: Connector, client: Client) {
    this.#connector = connector;
    this.#client = client;
  }

  static async open(connector: Connector, signal?: AbortSignal): Promise<ExplainSession> {
    return new ExplainSession(connector, await connector.connect('explain', signal));
  }

  get pid(): number {
    return toldPid(this.#client) ?? 0;
  }

  /** The backend that runs its statements at this moment; behind a pooler it is not the one that the client was told of. */
  async backend(): Promise<number> {
    const [row] = await this.query<{ pid: string }>(READ_OWN_BACKEND);
    return Number(row?.pid);
  }

  async query<Row extends object>({ text, values }: Statement): Promise<Row[]> {
    const result = await this.#client.query<Row>({ text, values: [...(values ?? [])], types: AS_TEXT });
    return result.rows;
  }

  /** Runs what a user wrote, and drops its rows. */
  run(sql: string): Promise<void> {
    // Statements of ours are among those that these drop; the driver does not hear of it.
    if (/\b(deallocate|discard)\b/i.test(sql)) this.#forgotten += 1;
    return runDiscardingRows(this.#client, sql);
  }

  /** What this session holds, rewrote and scanned. */
  async look(allScans = false): Promise<Look> {
    const { name, text, values } = lookAtOwnSession(allScans);
    const config = { name: `${name} ${this.#forgotten}`, text, values: [...values], types: AS_TEXT };
    const result = await this.#client.query<{ look: string }>(config);
    return JSON.parse(result.rows[0]?.look ?? '{}') as Look;
  }

  async relations(): Promise<readonly CatalogRelation[]> {
    const [row] = await this.query<{ relations: string }>(READ_RELATIONS);
    return JSON.parse(row?.relations ?? '[]') as CatalogRelation[];
  }

  /** Sets a setting to the end of the transaction. @returns what it was. */
  async replaceSetting(name: string, value: string): Promise<string> {
    const [row] = await this.query<{ value: string | null }>(readSettingValue(name));
    await this.query(setLocalSetting(name, value));
    return row?.value ?? '';
  }

  /** Ends the statement that runs here, by another connection. */
  async cancel(): Promise<void> {
    const other = await this.#connector.connect('explain');
    try {
      await other.query({ text: cancelBackend(this.pid).text, values: [this.pid] });
    } finally {
      await other.end();
    }
  }

  /** Closes the connection; what its transaction did is rolled back by the server. */
  async close(): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }
}
