import { text as textOf } from 'node:stream/consumers';
import { explainSources } from '../../explain/explain-migration.js';
import { ExplainRefusedError } from '../../explain/explain-refused.error.js';
import type { ExplainReport } from '../../explain/report.js';
import type { NamedSql } from '../../explain/run/read-files.js';
import { readConfigFile } from '../config-file.js';
import { CliError, EXIT, lineOf } from '../exit.js';
import { explainDatabase, liveDatabase } from '../explain/explain-database.js';
import type { ExplainFlags } from '../explain/explain-flags.js';
import { failsOn, isFailed } from '../explain/fail-on.js';
import { reportMarkdown } from '../explain/report-markdown.js';
import { reportText } from '../explain/report-text.js';
import { withInterrupts } from '../explain/interrupts.js';
import { print, printJson, say, type Io } from '../io.js';
import { TracedChild } from '../explain/traced-child.js';
import { traceCommand } from '../../explain/trace/trace-command.js';
import { paintFor } from '../render/paint.js';
import { oneLine } from '../../vocabulary/one-line.js';

/**
 * `pglock explain`: what a migration locks, what that stops, and what blocks it.
 *
 * @param files files of SQL, `-` for the standard input.
 * @returns the exit code: 0, or 1 when a statement failed or a finding of `--fail-on` was found.
 * @internal
 */
export async function explain(io: Io, files: readonly string[], flags: ExplainFlags): Promise<number> {
  const fails = failsOn(flags.failOn ?? []);
  assertOneForm(flags);
  if (files.length === 0)
    throw new CliError(EXIT.usage, 'Name files of SQL, - for the standard input, or a command after --.');
  if (flags.rollback)
    throw new CliError(EXIT.usage, '--rollback is for commands: files are rolled back anyway.');
  const config = await readConfigFile(io.cwd);
  const options = {
    database: explainDatabase(flags.database, config),
    live: liveDatabase(flags.live, config),
    ...(flags.carryOut === undefined ? {} : { carryOut: flags.carryOut }),
    ...(flags.yes === undefined ? {} : { yes: flags.yes }),
    onCarryOut: (statements: readonly string[]) => announce(io, statements),
  };
  const paths = files.filter((file) => file !== '-');
  const named: NamedSql[] = files.includes('-') ? [{ name: '<stdin>', text: await textOf(io.stdin) }] : [];
  return withInterrupts(async (signal) => {
    const report = await refusals(
      explainSources({ ...options, signal, ...(paths.length === 0 ? {} : { files: paths }) }, named),
    );
    draw(io, report, flags);
    const failed = report.statements.find(({ error }) => error !== null);
    if (failed?.error)
      say(
        io,
        `pglock: ${oneLine(failed.file)}:${failed.error.line ?? failed.line}:${failed.error.column ?? failed.column}: ${oneLine(failed.error.message)}`,
      );
    return failed !== undefined || isFailed(report, fails) ? EXIT.refused : EXIT.done;
  }, complain(io));
}

function complain(io: Io): (error: Error) => void {
  return (error) => say(io, `pglock: ${lineOf(error)}`);
}

function assertOneForm({ json, markdown }: ExplainFlags): void {
  if (json && markdown) throw new CliError(EXIT.usage, 'Give either --json or --markdown.');
}

function announce(io: Io, statements: readonly string[]): void {
  if (statements.length === 0) return;
  say(
    io,
    'pglock: these cannot run in a transaction, and will be carried out, with what stands before them:',
  );
  for (const statement of statements) say(io, `  ${oneLine(statement)}`);
}

/** Draws a report in the form that was asked for. @internal */
export function draw(io: Io, report: ExplainReport, { json, markdown, safe = false }: ExplainFlags): void {
  if (json) return printJson(io, report);
  print(io, markdown ? reportMarkdown(report, { safe }) : reportText(report, { paint: paintFor(io), safe }));
}

/**
 * `pglock explain -- COMMAND…`: the same of every statement that a command sends. What it prints goes to the standard error, beside
 * which the report is the data.
 *
 * @returns the command's own exit code; 1 when it is 0 and a finding of `--fail-on` was found, or when `--rollback` had to end it.
 * @internal
 */
export async function explainCommand(io: Io, words: readonly string[], flags: ExplainFlags): Promise<number> {
  const fails = failsOn(flags.failOn ?? []);
  assertOneForm(flags);
  if (words.length === 0 || words[0] === '') throw new CliError(EXIT.usage, 'Name the command behind --.');
  if (flags.carryOut)
    throw new CliError(EXIT.usage, '--carry-out is for files: commands are carried out anyway.');
  const config = await readConfigFile(io.cwd);
  const options = {
    database: explainDatabase(flags.database, config),
    live: liveDatabase(flags.live, config),
    yes: flags.yes ?? false,
    rollback: flags.rollback ?? false,
    label: words.join(' '),
    env: io.env,
  };
  const child = new TracedChild();
  return withInterrupts(
    async (signal) => {
      const traced = traceCommand({ ...options, signal }, (env, end) => child.run(words, env, io, end));
      const { report, result, refusal } = await refusals(traced);
      draw(io, report, flags);
      if (refusal !== undefined) {
        say(io, `pglock: --rollback: ${oneLine(refusal)}; nothing was committed.`);
        return EXIT.refused;
      }
      return result === 0 && isFailed(report, fails) ? EXIT.refused : result;
    },
    complain(io),
    () => !child.isRunning,
  );
}

async function refusals<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ExplainRefusedError)
      throw new CliError(EXIT.refused, lineOf(error), { cause: error });
    throw error;
  }
}
