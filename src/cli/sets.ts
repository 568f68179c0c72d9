import { Command } from 'commander';
import { MillraceError } from '../errors.ts';
import { SET_NAMES, type SetCommand, type SetName } from '../protocol/set-filter.ts';
import { type FilterOptions, filterOf } from './sets-filter.ts';
import { runMutation } from './sets-run.ts';
import { addSettings, CONNECTION_SETTINGS, configOf } from './settings.ts';

interface SetOptions extends FilterOptions {
  yes?: boolean;
  json?: boolean;
}

const ABOUT: Readonly<Record<SetName, string>> = {
  dead: 'Requeue or discard jobs that are dead: they failed too often.',
  retries: 'Requeue, discard or kill jobs that failed and wait to be tried again.',
  scheduled: 'Requeue, discard or kill jobs that wait for their time.',
};

const COMMANDS: Readonly<Record<SetCommand, string>> = {
  requeue: 'Put jobs back into their queues, behind what is there, in no order, to run now.',
  discard: 'Delete jobs for good.',
  kill: 'Move jobs to Dead, where Faktory keeps them for 180 days.',
};

const helpOf = (
  set: SetName,
  cmd: SetCommand,
): string => `It shows the command for Faktory and the size of the set, and asks. The protocol can neither list nor count what
matches: look at Faktory's page first.

--match takes Redis' glob (* ? [abc] [^a], and \\ before what is meant literally) for the whole job as Faktory stores
it, so it mostly begins and ends with *. A stored job is JSON without spaces between its tokens, with the keys of
objects in its args in the order of the alphabet, and with \\u003c \\u003e \\u0026 for < > & (a backslash is \\\\ in the
glob). A glob that ends in a number matches longer numbers too: '*"tenant":7[,}]*' is 7 and not 70.
--jobtype and --jid are exact, but found in the args as well, if those hold the same "jobtype":"…" or "jid":"…".

Examples:
  millrace ${set} ${cmd} --jobtype import
  millrace ${set} ${cmd} --jid Qk3xYd8aTz01 --jid 7fXo2mmPq9aa
  millrace ${set} ${cmd} --match '*"tenant":7[,}]*'
  millrace ${set} ${cmd} --jobtype import --match '*"args":\\[42,*'
  millrace ${set} ${cmd} --all --yes --json
`;

const KILLED_EARLY = `Dead lists jobs killed before they ever ran, but the page of such a job cannot be shown: Faktory expects a failure
there. Requeue and discard work.
`;

/** `millrace dead|retries|scheduled requeue|discard|kill`: Faktory's MUTATE, with a look before the leap. */
export function setCommands(): Command[] {
  return SET_NAMES.map((set) => {
    const command = new Command(set).description(ABOUT[set]);
    for (const cmd of Object.keys(COMMANDS) as SetCommand[]) {
      if (set === 'dead' && cmd === 'kill') command.addCommand(deadKillCommand(), { hidden: true });
      else command.addCommand(mutationCommand(set, cmd));
    }
    return addSettings(command, {}, CONNECTION_SETTINGS);
  });
}

function mutationCommand(set: SetName, cmd: SetCommand): Command {
  const command = new Command(cmd)
    .description(COMMANDS[cmd])
    .option('--jobtype <jobtype>', 'jobs of this type; with --match those that both match')
    .option('--jid <jid...>', 'these jobs')
    .option('--match <glob>', 'jobs whose stored JSON matches this glob')
    .option('--all', 'the whole set')
    .option('--yes', 'do not ask; needed where there is no terminal')
    .option(
      '--json',
      'print {"set", "cmd", "filter", "before", "after"} and nothing else; after is null where it cannot be known',
    )
    .action(async ({ yes = false, json = false, ...which }: SetOptions) => {
      const filter = filterOf(which);
      await runMutation({ set, cmd, filter, yes, json, config: configOf(command) });
    });
  addSettings(command, {}, CONNECTION_SETTINGS);
  command.addHelpText('after', helpOf(set, cmd));
  return set === 'scheduled' && cmd === 'kill' ? command.addHelpText('after', KILLED_EARLY) : command;
}

/** It is there to say why it is not. */
function deadKillCommand(): Command {
  return new Command('kill')
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() => {
      throw new MillraceError('CONFIG_INVALID', 'what is in Dead is dead already: requeue it, or discard it');
    });
}
