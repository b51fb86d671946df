import type { Command } from 'commander';
import { Option } from 'commander';
import { whereOptions, type RegisterCommand } from '../command.js';
import type { UiFlags } from './ui.js';

const EXAMPLES = `
Examples:
  $ pglock ui -d reporting                     the page, on a port that is free, in the browser
  $ pglock ui --allow-signals                  the same, and sessions may be ended from there
  $ pglock ui --record incident.ndjson         writes down what it shows
  $ pglock ui --replay incident.ndjson         shows that again, without a database

The printed address contains a token: all who have it see what this role sees.`;

/** `pglock ui`. @internal */
export const registerUi: RegisterCommand = ({ program, io, done }) => {
  whereOptions(
    program.command('ui').description('locks, waits and what to do about them, on a page in the browser'),
  )
    .option('-p, --port <port>', 'where to listen; 0 takes any port that is free', '0')
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .option('--allow-signals', 'sessions may be cancelled and terminated from the page')
    .option('--hide-queries', 'leave statements out, on the page and in what is recorded')
    .option('--record <file>', 'write what is shown into this file, a line of JSON each')
    .addOption(
      new Option('--replay <file>', 'show a recording, and no database').conflicts([
        'record',
        'allowSignals',
      ]),
    )
    .option('--no-open', 'print the address, and open no browser')
    .addHelpText('after', EXAMPLES)
    .action(async (_: unknown, command: Command) => {
      const { ui } = await import('./ui.js');
      done(await ui(io, command.optsWithGlobals<UiFlags>()));
    });
};
