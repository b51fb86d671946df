import type { Command } from 'commander';
import { Option } from 'commander';
import { whereOptions, type RegisterCommand } from '../command.js';
import type { UiFlags } from './ui.js';

const EXAMPLES = `
Examples:
  $ pglock ui -d reporting               opens the page, on a free port
  $ pglock ui --allow-signals            sessions may be terminated from it
  $ pglock ui --record incident.ndjson   records what it shows
  $ pglock ui --replay incident.ndjson   shows the recording again

The printed address contains a token: everyone who has it sees what this role
sees.`;

/** `pglock ui`. @internal */
export const registerUi: RegisterCommand = ({ program, io, done }) => {
  whereOptions(
    program.command('ui').description('the dashboard: locks, waits, jobs and replicas in the browser'),
  )
    .option('-p, --port <port>', 'the port to listen on; 0 picks a free one', '0')
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .option('--allow-signals', 'allow cancelling and terminating sessions from the page')
    .option('--hide-queries', 'leave statements out of the page and the recording')
    .option('--record <file>', 'append what is shown to this file, as lines of JSON')
    .addOption(
      new Option('--replay <file>', 'show a recording, without a database').conflicts([
        'record',
        'allowSignals',
      ]),
    )
    .option('--no-open', 'print the address without opening a browser')
    .addHelpText('after', EXAMPLES)
    .action(async (_: unknown, command: Command) => {
      const { ui } = await import('./ui.js');
      done(await ui(io, command.optsWithGlobals<UiFlags>()));
    });
};
