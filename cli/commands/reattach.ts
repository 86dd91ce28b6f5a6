import { Command } from 'commander';
import { type Reattached, reattachRuns } from '../../functions/export/publish/reattach.ts';
import { PROGRAM } from '../../functions/model/program.ts';
import { connect } from '../deployed/stack.ts';
import { type StackFlags, withStackFlags } from '../flags/stack-flags.ts';
import { count, counted } from '../terminal/format.ts';
import { liveLine } from '../terminal/live-line.ts';
import type { Output, OutputFlags, Terminal } from '../terminal/terminal.ts';

const MAX_NAMED = 10;

interface ReattachFlags extends StackFlags, OutputFlags {
  dryRun?: boolean;
}

export function reattachCommand(terminal: Terminal): Command {
  const command = new Command('reattach').option('--dry-run', 'count the missing runs and change nothing');
  return withStackFlags(command, 'the numbers and ids of the runs')
    .addHelpText(
      'after',
      `
Use it after a database or table was deleted, or when a new stack uses the
bucket of an old one. It reads every manifest in the bucket and sends no
requests to the API. Runs that queries already see stay as they are.

Example:
  ${PROGRAM} reattach --dry-run`,
    )
    .action(async (flags: ReattachFlags) => {
      await reattach(flags, terminal);
    });
}

async function reattach(flags: ReattachFlags, terminal: Terminal): Promise<void> {
  const { stack, output } = await connect(terminal, flags);
  const [bucket, database] = [stack.output('BucketName'), stack.output('Workgroup')];
  const [{ S3Client }, { GlueClient }, { s3ObjectStore }, { glueCatalog }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('@aws-sdk/client-glue'),
    import('../../functions/aws/s3-object-store.ts'),
    import('../../functions/aws/glue-catalog.ts'),
  ]);
  const store = s3ObjectStore({ client: new S3Client(stack.clientOptions), bucket });
  const sleep = (ms: number) => terminal.sleep(ms, new AbortController().signal);
  const catalog = glueCatalog({ client: new GlueClient(stack.clientOptions), database, bucket, sleep });
  const line = liveLine(terminal, flags);
  line.show(() => 'Comparing the published runs with the tables');
  const result = await reattachRuns({ store, catalog }, flags.dryRun === true).finally(line.stop);
  if (flags.json) output.out(JSON.stringify({ ...result, dryRun: flags.dryRun === true }));
  else printReattached(output, result, flags);
}

function printReattached({ out, note }: Output, result: Reattached, { dryRun = false }: ReattachFlags): void {
  const { runs, missing, incomplete } = result;
  const of = `${count(missing.length)} of ${counted(runs, 'published run')}`;
  if (missing.length === 0) out(`Complete   ${counted(runs, 'published run')}, all in the tables`);
  else if (dryRun) out(`Dry run    ${of} are missing`);
  else out(`Reattached ${of} were missing; added ${count(missing.length - incomplete.length)}`);
  for (const runId of missing.slice(0, MAX_NAMED)) note(`           ${runId}`);
  if (missing.length > MAX_NAMED) note(`           … (--json names all)`);
  if (incomplete.length === 0) return;
  note(`Warning    ${counted(incomplete.length, 'run')} cannot be added: parts are missing, because the`);
  note('           deletion of old runs was interrupted');
}
