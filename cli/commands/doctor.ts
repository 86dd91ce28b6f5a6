import { Command } from 'commander';
import { parseRequest, resolveRequest } from '../../functions/export/plan/resolve-request.ts';
import { ExportError } from '../../functions/model/errors.ts';
import { PROGRAM } from '../../functions/model/program.ts';
import { DEFAULT_STACK_NAME } from '../../functions/model/stack-name.ts';
import { type ClientLimits, createAccountsApi } from '../../functions/personalization/accounts-api.ts';
import { proxyFor } from '../../functions/personalization/proxy.ts';
import { checkStack } from '../deployed/check-stack.ts';
import { connect } from '../deployed/stack.ts';
import { type ApiFlags, baseUrlOf, credentialsOf, withApiFlags } from '../flags/api-flags.ts';
import { integer } from '../flags/common-flags.ts';
import { type ExportFlags, flagOf, requestOf, withSelectionFlags } from '../flags/export-flags.ts';
import { type StackFlags, withPlaceFlags } from '../flags/stack-flags.ts';
import { checkTenant } from '../tenant/check-tenant.ts';
import { checkCanSave, saveFingerprint } from '../tenant/fingerprint-file.ts';
import { fingerprintOf } from '../tenant/fingerprint-of.ts';
import { LIMITS, lookAtTenant } from '../tenant/look-at-tenant.ts';
import { collectResponses } from '../tenant/responses.ts';
import { type Finding, ok, report, warn } from '../terminal/findings.ts';
import { counted } from '../terminal/format.ts';
import { liveLine } from '../terminal/live-line.ts';
import { type OutputFlags, outputOf, type Terminal } from '../terminal/terminal.ts';

interface TenantFlags extends ApiFlags, Omit<ExportFlags, 'name' | 'due'> {
  concurrency?: number;
  save?: string;
}
type DoctorFlags = TenantFlags & Omit<StackFlags, 'stack'> & { stack?: string | true };

const DEFAULT_CONCURRENCY = 8;

/** A person waits: a request ends within about half a minute, and a host that is not reached is asked once. */
const CLIENT_LIMITS: Partial<ClientLimits> = {
  reachWindowMs: 0,
  headersTimeoutMs: 30_000,
  bodyTimeoutMs: 15_000,
  totalTimeoutMs: 35_000,
};

export function doctorCommand(terminal: Terminal): Command {
  const command = new Command('doctor').option('--dataset <id>', 'dataset of the tenant to check');
  withSelectionFlags(withApiFlags(command))
    .option('--concurrency <n>', 'concurrent API requests', integer(1, 1000))
    .option('--save <file>', 'save a fingerprint of the tenant, without account data, for simulate --from')
    .option('--stack [name]', `the deployed stack to check (default: ${DEFAULT_STACK_NAME})`);
  return withPlaceFlags(command, 'an array of checks')
    .addHelpText(
      'after',
      `
A tenant is checked with at most ${LIMITS.records} records of the contract. No account's
name or value is printed or saved. Defaults: --format json, --page-size 1000,
--concurrency ${DEFAULT_CONCURRENCY}. The API key is set as for run.

A check of a stack changes nothing, and reads neither the API key nor accounts.

The exit code is 1 if a check fails, and 0 if all checks are ok or warnings.

Examples:
  ${PROGRAM} doctor --account acme --instance us-5 \\
    --dataset engage
  ${PROGRAM} doctor --stack`,
    )
    .action(async (flags: DoctorFlags) => {
      const { stack, region: _region, profile: _profile, json, quiet, verbose: _verbose, ...tenant } = flags;
      const [given] = Object.keys(tenant);
      if (stack === undefined) return doctorTenant(tenantFlagsOf(flags, given), terminal);
      if (given !== undefined) {
        throw new ExportError(
          'RequestError',
          `Conflicting flags (--stack and ${flagOf(given)}): check a stack and a tenant one after the other.`,
        );
      }
      const named = { ...flags, stack: stack === true ? DEFAULT_STACK_NAME : stack };
      await print(terminal, { json, quiet }, 'Checking the stack', () =>
        checkStack(
          connect(terminal, named).then((connected) => connected.stack),
          named,
        ),
      );
    });
}

const USES = `pass --account, --instance and --dataset to check a tenant, or --stack to check a deployed stack`;

/** @param given a flag of a tenant, if there is one */
function tenantFlagsOf(flags: DoctorFlags, given: string | undefined): TenantFlags & OutputFlags & { dataset: string } {
  const { dataset, stack: _stack, region, profile, ...tenant } = flags;
  if (given === undefined) throw new ExportError('RequestError', `Nothing to check: ${USES}.`);
  if (region !== undefined || profile !== undefined) {
    const flag = region === undefined ? '--profile' : '--region';
    throw new ExportError('RequestError', `Conflicting flags (${flagOf(given)} and ${flag}): ${flag} needs --stack.`);
  }
  if (dataset !== undefined) return { ...tenant, dataset };
  throw new ExportError('RequestError', 'Missing dataset: pass --dataset with the dataset to check.');
}

async function doctorTenant(flags: TenantFlags & OutputFlags, terminal: Terminal): Promise<void> {
  const { concurrency = DEFAULT_CONCURRENCY, save } = flags;
  const now = Date.now;
  const baseUrl = baseUrlOf(flags);
  // A segment needs the name of an export, which no check uses.
  const request = parseRequest(requestOf({ ...flags, name: 'doctor' } as ExportFlags));
  const { settings, parameters } = resolveRequest(request, [], new Date(now()).toISOString());
  const credentials = await credentialsOf(flags, terminal.env);
  const proxy = proxyFor(baseUrl, terminal.env);
  if (save !== undefined) await checkCanSave(save);
  const signal = terminal.interrupted();
  const responses = collectResponses(now);
  const api = createAccountsApi({
    baseUrl,
    credentials,
    proxy,
    concurrency,
    observe: responses.observe,
    onResponse: responses.onResponse,
    isAttended: true,
    limits: CLIENT_LIMITS,
    sleep: (ms, aborted) => terminal.sleep(ms, aborted ?? signal),
  });
  const { datasetId } = settings;
  let notSaved: unknown;
  try {
    await print(terminal, flags, 'Checking the tenant', async () => {
      const look = await lookAtTenant({ api, datasetId, parameters, concurrency, signal, now });
      const usesApiUrl = flags.apiUrl !== undefined;
      const checked = { baseUrl, usesApiUrl, proxy, settings, concurrency, look, responses };
      const findings = checkTenant(checked);
      if (save === undefined) return findings;
      const fingerprint = fingerprintOf(checked);
      try {
        if (fingerprint) await saveFingerprint(save, fingerprint);
      } catch (error) {
        // What was found is printed first.
        notSaved = error;
        return findings;
      }
      const saved = fingerprint ? ok(`saved to ${save}`) : warn('not saved: no accounts were read', 'Check again.');
      return [...findings, { name: 'fingerprint', ...saved }];
    });
    if (notSaved !== undefined) throw notSaved;
  } catch (error) {
    if (!signal.aborted) throw error;
    const requests = counted(responses.heads.length, 'response');
    terminal.exitCode = outputOf(terminal, flags).interrupted(`Interrupted  the checks, after ${requests}`);
  } finally {
    await api.close();
  }
}

/** Shows what is done while the checks run, prints what they found, and sets the exit code. */
async function print(
  terminal: Terminal,
  flags: OutputFlags,
  activity: string,
  check: () => Promise<Finding[]>,
): Promise<void> {
  const { out } = outputOf(terminal, flags);
  const line = liveLine(terminal, flags);
  line.show(() => activity);
  const findings = await check().finally(line.stop);
  if (flags.json) out(JSON.stringify(findings));
  else for (const text of report(findings, terminal.columns)) out(text);
  if (findings.some(({ status }) => status === 'fail')) terminal.exitCode = 1;
}
