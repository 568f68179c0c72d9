import { Option } from 'commander';
import { parseSetting } from '../config.ts';

/** An option that takes a port. Parsing throws CONFIG_INVALID, naming the option. */
export function portOption(flags: string, description: string): Option {
  const option = new Option(flags, description);
  return option.argParser((text) => parseSetting('API_PORT', text, option.long));
}
