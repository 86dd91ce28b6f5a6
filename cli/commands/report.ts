import { pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { checkRunId } from '../../functions/export/plan/resolve-request.ts';
import { ExportError } from '../../functions/model/errors.ts';
import { PROGRAM } from '../../functions/model/program.ts';
import { DEFAULT_STACK_NAME } from '../../functions/model/stack-name.ts';
import { LINK_SECONDS, presignedUrl } from '../deployed/presigned-url.ts';
import { connect } from '../deployed/stack.ts';
import { stackReport } from '../deployed/stack-report.ts';
import { destinationOf, endpointWithoutBucket, storeAt } from '../flags/destination.ts';
import { nextCommand, type StackFlags } from '../flags/stack-flags.ts';
import { findReport } from '../local/find-report.ts';
import { CommandError, outputOf, type Terminal } from '../terminal/terminal.ts';

type ReportFlags = Pick<StackFlags, 'profile' | 'region' | 'verbose' | 'json'> & {
  out?: string;
  s3Endpoint?: string;
  stack?: string | true;
  open?: boolean;
};

const DEFAULT_OUT = './out';

/** Where a report is. */
interface Report {
  readonly runId: string;
  /** A path, or the name of an object. */
  readonly report: string;
  /** For a browser. */
  readonly url: string;
  /** ISO 8601, when the URL expires; `null` for a file. */
  readonly expiresAt: string | null;
}

export function reportCommand(terminal: Terminal): Command {
  return new Command('report')
    .argument('[run]', 'run id (default: the latest run that has a report)')
    .option('--open', 'open it in the browser')
    .option('--out <place>', `folder or s3://bucket/prefix that run wrote to (default: ${DEFAULT_OUT})`)
    .option('--s3-endpoint <url>', 'S3-compatible store instead of AWS, for --out s3://')
    .option('--stack [name]', `a run of a deployed stack (default: ${DEFAULT_STACK_NAME})`)
    .option('--region <region>', 'AWS region of the stack')
    .option('--profile <name>', 'AWS profile')
    .option('--json', 'print only the location as JSON')
    .option('--verbose', 'print stack traces with errors')
    .addHelpText(
      'after',
      `
It prints the path of the report, an HTML file. For a report in a bucket, it
prints a link, which works for anyone who has it, for an hour at most. The
report contains no account data.

Examples:
  ${PROGRAM} report --open
  ${PROGRAM} report 20260822T020000Z-1f3a --stack`,
    )
    .action(async (run: string | undefined, flags: ReportFlags) => {
      check(flags);
      const report = await (flags.stack === undefined ? reportAt(run, flags) : deployedReport(run, flags, terminal));
      const output = outputOf(terminal, flags);
      output.out(flags.json ? JSON.stringify(report) : report.expiresAt === null ? report.report : report.url);
      if (report.expiresAt !== null) {
        output.hint(`The link works for anyone who has it, until ${report.expiresAt} at the latest.`);
      }
      if (flags.open) await openPage(report.url, terminal);
    });
}

async function openPage(url: string, terminal: Terminal): Promise<void> {
  await terminal.open(url).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(
      `Cannot open the browser (${error.code ?? error.name}): open the printed path or link yourself.`,
    );
  });
}

/** @throws ExportError `RequestError` or `ConfigError` */
function check({ stack, out, s3Endpoint, region, profile }: ReportFlags): void {
  if (stack !== undefined && out !== undefined) {
    throw new ExportError('RequestError', 'Conflicting flags: pass either --out or --stack.');
  }
  if (s3Endpoint !== undefined && !out?.startsWith('s3://')) throw endpointWithoutBucket();
  if (stack !== undefined) return;
  const place = Object.entries({ region, profile }).find(([, value]) => value !== undefined);
  if (place) throw new ExportError('RequestError', `Missing --stack: --${place[0]} applies only to a deployed stack.`);
}

async function reportAt(run: string | undefined, { out = DEFAULT_OUT, s3Endpoint }: ReportFlags): Promise<Report> {
  const endpoint = s3Endpoint === undefined ? {} : { s3Endpoint };
  const destination = destinationOf(out);
  const store = await storeAt(out, endpoint);
  const { runId, key } = await findReport(store, run === undefined ? undefined : checkRunId(run));
  const report = `${store.location}${key}`;
  if (destination.kind === 'folder') return { runId, report, url: pathToFileURL(report).href, expiresAt: null };
  const { connectS3 } = await import('../local/connect-s3.ts');
  const { client } = await connectS3(s3Endpoint);
  const { bucket, prefix } = destination;
  return { runId, report, ...(await link({ client, bucket, key: prefix === '' ? key : `${prefix}/${key}` })) };
}

async function deployedReport(run: string | undefined, flags: ReportFlags, terminal: Terminal): Promise<Report> {
  const { stack = true, out: _none, ...more } = flags;
  const stackFlags = { ...more, stack: stack === true ? DEFAULT_STACK_NAME : stack };
  const deployed = await connect(terminal, stackFlags, run);
  const status = (runId: string) => nextCommand('status', runId, stackFlags);
  const { runId, report, page } = await stackReport(deployed.stack, run, status);
  return { runId, report, ...(await link(page)) };
}

async function link(page: Parameters<typeof presignedUrl>[0]): Promise<Pick<Report, 'url' | 'expiresAt'>> {
  const expiresAt = new Date(Date.now() + LINK_SECONDS * 1000).toISOString();
  return { url: await presignedUrl(page), expiresAt };
}
