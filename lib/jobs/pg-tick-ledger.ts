import { PgLockConfigurationError } from '../errors/pg-lock-configuration.error.js';
import type { ObserverSession } from '../session/observer-session.js';
import {
  claimTick,
  finishTick,
  FIRST_SCHEMA,
  LEDGER_COLUMNS,
  ledgerDdl,
  ledgerGrants,
  ledgerTableFacts,
  LedgerTables,
  readLedger,
  runsTable,
} from '../sql/jobs-ledger.js';
import { namedTable, type NamedTable } from '../vocabulary/lock-target.js';
import type { ResolvedLedgerOptions } from './job-options.js';
import type { LedgerClaim, LedgerRow, TickLedger } from './tick-ledger.js';
import type { TickEnd } from './tick-memory.js';

/** As the server writes it. */
type Texts<Names extends string> = Readonly<Record<Names, string | null>>;
type Facts = Texts<'column' | 'type' | 'required' | 'keys' | Privilege | 'usage'>;
type Privilege = 'select' | 'insert' | 'update' | 'delete';
type Row = Texts<'job' | 'at' | 'startedAt' | 'finishedAt' | 'outcome' | 'error' | 'replica' | 'late'>;

const OUTCOMES = ['succeeded', 'failed', 'interrupted'] as const;

/**
 * The ledger in a table of the database, on a connection of its own. *Unchecked* until the server was asked about the tables,
 * which happens at boot, or before the first tick where the server was away then.
 *
 * @internal
 */
export class PgTickLedger implements TickLedger {
  private checked: Promise<LedgerTables> | undefined;

  constructor(
    private readonly session: ObserverSession,
    private readonly options: ResolvedLedgerOptions,
  ) {}

  async claim(claim: LedgerClaim): Promise<boolean> {
    const tables = await this.tables();
    const rows = await this.session.query(claimTick(tables, this.options.keepMs, claim));
    return rows.length > 0;
  }

  async finish(job: string, at: number, { outcome, error }: TickEnd): Promise<void> {
    const tables = await this.tables();
    await this.session.query(finishTick(tables, this.keeps, { job, at, outcome, error }));
  }

  async rows(): Promise<readonly LedgerRow[]> {
    const rows = await this.session.query<Row>(readLedger(await this.tables()));
    return rows.map((row) => {
      const outcome = OUTCOMES.find((one) => one === row.outcome);
      const startedAt = Number(row.startedAt);
      const duration = row.finishedAt === null ? null : Number(row.finishedAt) - startedAt;
      return {
        ...{ job: row.job ?? '', at: Math.round(Number(row.at)), replica: row.replica ?? '' },
        late: Number(row.late),
        ...(outcome === undefined ? {} : { outcome, startedAt, duration, error: row.error }),
      };
    });
  }

  async check(): Promise<void> {
    await this.tables();
  }

  close(): Promise<void> {
    return this.session.close();
  }

  private get keeps(): boolean {
    return this.options.keepMs !== undefined;
  }

  private tables(): Promise<LedgerTables> {
    this.checked ??= this.examine().catch((error: unknown) => {
      this.checked = undefined;
      throw error;
    });
    return this.checked;
  }

  private async examine(): Promise<LedgerTables> {
    const table = await this.located();
    await this.examineTable(table, 'job', ['select', 'insert', 'update']);
    if (this.keeps)
      await this.examineTable(runsTable(table), 'job,tick', ['select', 'insert', 'update', 'delete']);
    return new LedgerTables(table);
  }

  private async located(): Promise<NamedTable> {
    const table = namedTable(this.options.table);
    if (table.schema !== undefined) return table;
    const [row] = await this.session.query<Texts<'schema'>>(FIRST_SCHEMA);
    const schema = row?.schema;
    return schema === null || schema === undefined ? table : { ...table, schema };
  }

  private async examineTable(
    table: NamedTable,
    key: string,
    privileges: readonly Privilege[],
  ): Promise<void> {
    const facts = await this.session.query<Facts>(ledgerTableFacts(table));
    const name = `${table.schema ?? ''}.${table.table}`;
    if (facts.length === 0) throw this.refused(`there is no table ${name}`);
    const unfit = whyUnfit(facts, key);
    if (unfit !== undefined) throw this.refused(`table ${name} ${unfit}`);
    const [first] = facts;
    const missing = privileges
      .filter((privilege) => first?.[privilege] !== 't')
      .map((one) => one.toUpperCase());
    if (first?.usage !== 't') missing.push('USAGE of the schema');
    if (missing.length > 0) throw this.refused(`the connected role lacks ${missing.join(', ')} on ${name}`);
  }

  private refused(why: string): PgLockConfigurationError {
    const statements = [
      ...ledgerDdl(this.options.table, this.keeps),
      ...ledgerGrants(this.options.table, this.keeps),
    ];
    return new PgLockConfigurationError(
      `PgLockModule: jobs.ledger: ${why}. Run \`pglock jobs init\`, or have this run by the owner of the schema:\n` +
        `${statements.join(';\n')};`,
    );
  }
}

/** Why ticks could not be written into a table that is there; undefined where they can. */
function whyUnfit(facts: readonly Facts[], key: string): string | undefined {
  const types = new Map(facts.map(({ column, type }) => [column, type]));
  const wrong = Object.entries(LEDGER_COLUMNS).filter(([column, type]) => types.get(column) !== type);
  if (wrong.length > 0)
    return `lacks columns that it needs, or has them with another type: ${wrong.map((one) => one.join(' ')).join(', ')}`;
  const foreign = facts.filter(
    ({ column, required }) => required === 't' && !((column ?? '') in LEDGER_COLUMNS),
  );
  if (foreign.length > 0)
    return `has columns that are NOT NULL and that the ledger does not know: ${foreign.map(({ column }) => column).join(', ')}`;
  const isUnique = facts[0]?.keys?.split(';').includes(key) === true;
  return isUnique ? undefined : `has no unique key of (${key.replace(',', ', ')})`;
}
