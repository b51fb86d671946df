import { reportsOf } from './command-reports.js';
import { SentStatements, type StatementSender } from './sent-statements.js';
import { transactionSteps, type TransactionStep } from './transaction-steps.js';

interface Report {
  readonly kinds: readonly TransactionStep['kind'][];
  /** What it is taken for where its text was not seen: of what it may be, that which takes back most. */
  readonly unseen: TransactionStep;
}

/** Of no name that a rollback could have. */
const UNSEEN = '\0';
const END: Report = { kinds: ['end'], unseen: { kind: 'end' } };

/** How the server reports them. `COMMIT` is a `ROLLBACK` in a failed transaction, and so is that to a savepoint. */
const REPORTS: Readonly<Record<string, Report | undefined>> = {
  SAVEPOINT: { kinds: ['savepoint'], unseen: { kind: 'savepoint', name: UNSEEN } },
  RELEASE: { kinds: ['release'], unseen: { kind: 'release', name: '' } },
  ROLLBACK: { kinds: ['rollback to', 'end'], unseen: { kind: 'rollback to', name: '' } },
  COMMIT: END,
  'PREPARE TRANSACTION': END,
};

/**
 * The steps that the server has carried out on a `pg` client: from its reports, which say what kind a step is, and from the
 * texts that were sent, which say to which savepoint. Texts are read where a step was reported, and only then; under
 * `pg-native`, which keeps the reports to itself, where all that was sent has succeeded.
 *
 * @internal
 */
export class CompletedSteps {
  readonly #sent: SentStatements;
  readonly #isReported: boolean;
  /** Those sent that the server has not reported yet; undefined where none was looked for. */
  #expected: TransactionStep[] | undefined;

  constructor(
    client: { readonly connection?: StatementSender; readonly native?: StatementSender },
    private readonly onStep: (step: TransactionStep) => void,
  ) {
    this.#sent = new SentStatements(client.connection ?? client.native ?? {});
    const watchReports = reportsOf(client);
    this.#isReported = watchReports !== undefined;
    watchReports?.((tag) => this.#reported(REPORTS[tag]));
  }

  /** The server is ready for what was sent next. @param hasFailed whether something failed of what it has answered. */
  ready(hasFailed: boolean): void {
    if (!this.#isReported && !hasFailed) this.#read().forEach(this.onStep);
    this.#sent.ready();
    this.#expected = undefined;
  }

  #reported(report: Report | undefined): void {
    if (report === undefined) return;
    this.#expected ??= this.#read();
    const position = this.#expected.findIndex(({ kind }) => report.kinds.includes(kind));
    const [step = report.unseen] = position < 0 ? [] : this.#expected.splice(0, position + 1).slice(-1);
    this.onStep(step);
  }

  #read(): TransactionStep[] {
    return this.#sent.answered.flatMap(transactionSteps);
  }
}
