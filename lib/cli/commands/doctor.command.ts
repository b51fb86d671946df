import type { Command } from 'commander';
import { whereOptions, type RegisterCommand } from '../command.js';
import type { DoctorFlags } from './doctor.js';

const EXAMPLES = `
Example:
  $ pglock doctor --json | jq '.[] | select(.level != "ok")'`;

/** `pglock doctor`. @internal */
export const registerDoctor: RegisterCommand = ({ program, io, done }) => {
  whereOptions(
    program.command('doctor').description('check privileges, pooler, settings and lock-table usage'),
  )
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (_: unknown, command: Command) => {
      const { doctor } = await import('./doctor.js');
      done(await doctor(io, command.optsWithGlobals<DoctorFlags>()));
    });
};
