/** What is printed after a successful synthesis: what was configured, and what is still missing. */
import type { ExportSettings } from '../functions/model/export-settings.ts';
import type { StackConfig } from './stack-config.ts';

const COLUMNS = 80;
const LABEL = 11;
const MAX_EXPORTS = 20;
/** Of the example in `cdk.json`. */
const EXAMPLE_HOST = 'acme.us-5';

/**
 * Lines of at most 80 columns, except names that are longer.
 * @param region as far as it is known
 */
export function configurationSummary(config: StackConfig, region: string | undefined): string[] {
  const { exports } = config;
  const more = exports.length - MAX_EXPORTS;
  return [
    ...labeled('Configured', [`stack ${config.stackName}, ${region ?? 'region not known: set AWS_REGION'}`]),
    ...labeled('Account', [`${hostOf(config)}.evergage.com`]),
    ...exports.slice(0, MAX_EXPORTS).flatMap((settings) => labeled('Export', exportLines(settings))),
    ...(more > 0 ? labeled('', [`and ${more} more`]) : []),
    ...labeled('Written to', [
      `a bucket of the stack; runs are kept ${config.retentionDays} days`,
      `Athena database and workgroup ${config.databaseName}`,
    ]),
    ...labeled('API key', [config.secretName === undefined ? 'a secret of the stack' : `secret ${config.secretName}`]),
    ...labeled('Email', [config.alarmEmail ?? 'none']),
    ...missingFrom(config).flatMap((line) => labeled('Missing', [line])),
    ...afterDeployment(config).flatMap((line) => labeled('Then', [line])),
  ];
}

function exportLines(settings: ExportSettings): string[] {
  const { name, datasetId, format, compression, pageSize, filter, window } = settings;
  // The name of a segment may identify a person.
  const of = [filter === undefined ? '' : ', one segment', window === undefined ? '' : `, statistics of ${window}`];
  const form = compression === undefined || format === 'parquet' ? format : `${format} (${compression})`;
  return [name, `dataset ${datasetId}, ${form}, pages of ${pageSize}${of.join('')}`, scheduleOf(settings)];
}

function scheduleOf({ schedule, timeZone = 'UTC', flexibleMinutes, scheduleEnabled = true }: ExportSettings): string {
  if (schedule === undefined) return 'on demand';
  const late = flexibleMinutes === undefined ? '' : `, up to ${flexibleMinutes} minutes late`;
  return `${schedule}, time zone ${timeZone}${late}${scheduleEnabled ? '' : ' (turned off: scheduleEnabled is false)'}`;
}

function missingFrom(config: StackConfig): string[] {
  const scheduled = config.exports.some(({ schedule, scheduleEnabled = true }) => schedule && scheduleEnabled);
  return [
    ...(hostOf(config) === EXAMPLE_HOST ? ['accountName and instance are still those of the example'] : []),
    ...(config.alarmEmail === undefined ? ['alarmEmail: nobody receives emails about failures'] : []),
    ...(scheduled ? [] : ['schedule: no export runs automatically']),
  ];
}

function afterDeployment({ secretName, alarmEmail }: StackConfig): string[] {
  return [
    ...(secretName === undefined ? ['store the API key with the command in the output PutKeyCommand'] : []),
    ...(alarmEmail === undefined ? [] : [`confirm the subscription that AWS sends to ${alarmEmail}`]),
  ];
}

function hostOf({ accountName, instance }: StackConfig): string {
  return `${accountName}.${instance}`.toLowerCase();
}

/** The label before the first line; long lines are broken between words. */
function labeled(label: string, texts: readonly string[]): string[] {
  const lines = texts.flatMap((text) => wrapped(text, COLUMNS - LABEL));
  return lines.map((line, i) => (i === 0 ? label : '').padEnd(LABEL) + line);
}

function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > columns) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
