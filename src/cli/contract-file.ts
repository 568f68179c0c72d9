import { type AnyJobs, Contract } from '../contract/contract.ts';
import { MillraceError } from '../errors.ts';
import { loadModule } from './load-module.ts';

/**
 * The job contract of CONTRACT_FILE, the module's default export or the one it exports as `jobs`; none without the
 * variable. Throws CONFIG_INVALID.
 */
export async function loadContract(file: string | undefined): Promise<Contract<AnyJobs> | undefined> {
  if (file === undefined) return undefined;
  const invalid = (why: string, cause?: unknown): MillraceError =>
    new MillraceError('CONFIG_INVALID', `CONTRACT_FILE ${file} ${why}`, { cause });
  const exports = await loadModule(file, invalid);
  const contract = exports.default ?? exports.jobs;
  // Its types are the module's own; here any args go.
  if (contract instanceof Contract) return contract as Contract<AnyJobs>;
  throw invalid('has no contract: export by default what defineJobs gives');
}
