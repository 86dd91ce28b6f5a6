/** Sections of the run report: figures, verification, and parameters. */
import { bytes, count, counted, money } from '../../model/readable.ts';
import { PRICES_AS_OF } from '../plan/estimate.ts';
import { type Html, html } from './html.ts';
import { percent, readableSeconds, signed, utc } from './numbers.ts';
import { partsOf, type RunReport } from './run-report.ts';

const UNKNOWN = 'not known';

export function figuresSection(report: RunReport): Html {
  const { figures, pages, run } = report;
  const { accounts, recordsFetched, apiRequests, seconds, usd } = figures;
  const requests = apiRequests === undefined ? undefined : counted(apiRequests, 'request');
  const more = recordsFetched === undefined || accounts === undefined ? 0 : recordsFetched - accounts;
  const records =
    more > 0
      ? `${requests}; ${count(more)} records to ${report.retries.total === 0 ? 'count and check' : 'count, check, and retry'}`
      : requests;
  const parts = `in ${counted(pages.present, 'part')}, ${partsOf(run)}`;
  return html`<section class="figures" aria-labelledby="figures"><h2 id="figures">Figures</h2><dl>
${figure(report.status === 'failed' ? 'Accounts in finished pages' : 'Accounts', accounts === undefined ? UNKNOWN : count(accounts), accountsChange(report))}
${figure('Contract records', recordsFetched === undefined ? UNKNOWN : count(recordsFetched), records)}
${figure('Duration', seconds === undefined ? UNKNOWN : readableSeconds(seconds), seconds === undefined ? undefined : durationNote(report, seconds))}
${figure('Size', figures.bytes === undefined ? UNKNOWN : bytes(figures.bytes), parts)}
${usd !== undefined && figure('Estimated cost', money(usd), `AWS list prices of ${PRICES_AS_OF}, without storage and queries`)}
</dl></section>`;
}

function figure(name: string, value: string, note: string | undefined): Html {
  return html`<div class="figure"><dt>${name}</dt><dd class="value">${value}</dd><dd>${note}</dd></div>
`;
}

function accountsChange({ figures, last, status, run }: RunReport): string | undefined {
  if (status === 'failed') return `${count(run.accounts)} planned`;
  if (last === undefined) return 'the first run of this export';
  const change = (figures.accounts ?? 0) - last.accounts;
  const share =
    last.accounts === 0 || change === 0
      ? ''
      : ` (${change > 0 ? '+' : '−'}${percent(Math.abs(change), last.accounts)})`;
  return `${signed(change)}${share} since ${last.publishedAt.slice(0, 10)}`;
}

function durationNote({ figures: { accounts }, status, isResumed }: RunReport, seconds: number): string {
  const from = isResumed ? 'from the first start ' : '';
  const pauses = isResumed ? ', including pauses' : '';
  if (status !== 'published') return `${from}to the end of the last page${pauses}`;
  if (isResumed) return `${from}to publishing${pauses}`;
  return seconds > 0 && accounts ? `${count(Math.round(accounts / seconds))} accounts per second` : '';
}

type Mark = 'passed' | 'differs' | 'large drop' | 'missing' | 'not checked' | 'noted';

const MARKS: Readonly<Record<Mark, readonly [tone: string, text: string]>> = {
  passed: ['ok', '✓ passed'],
  differs: ['warn', '! differs'],
  'large drop': ['warn', '! large drop'],
  missing: ['bad', '✕ missing'],
  'not checked': ['muted', '– not checked'],
  noted: ['muted', 'noted'],
};

type Check = readonly [what: string, mark: Mark, text: string];

export function verificationSection(report: RunReport): Html {
  const { manifest, pages } = report;
  const checks = manifest ? checksOf(manifest, report) : [pagesCheck(report)];
  return html`<section aria-labelledby="verification"><h2 id="verification">Verification</h2>
${!manifest && html`<p>The run failed before it was verified. A run is verified before it is published.</p>`}
<table class="checks"><thead><tr><th scope="col">check</th><th scope="col">result</th><th scope="col">figures</th></tr></thead><tbody>
${checks.map(
  ([
    what,
    mark,
    text,
  ]) => html`<tr><th scope="row">${what}</th><td class="mark ${MARKS[mark][0]}">${MARKS[mark][1]}</td><td>${text}</td></tr>
`,
)}</tbody></table>
${pages.missing.length > 0 && html`<p class="small muted">Missing pages: ${pages.missing.join(', ')}${pages.planned - pages.present > pages.missing.length ? ', …' : ''} (page numbers start at 0).</p>`}
${failuresTable(report)}</section>`;
}

function pagesCheck({ pages }: RunReport): Check {
  const tail = Math.max(0, pages.present - pages.planned);
  const text = `${count(pages.planned)} planned, ${count(pages.present)} present${tail > 0 ? `: ${count(tail)} with accounts added at the end` : ''}`;
  return ['Pages', pages.present >= pages.planned ? 'passed' : 'missing', text];
}

function checksOf(manifest: NonNullable<RunReport['manifest']>, report: RunReport): Check[] {
  const { records, duplicates, escapedLineBreaks, plannedRecords, consistency } = manifest;
  const { accountsBefore, accountsAfter, boundariesChecked, boundariesMoved } = consistency;
  const mark = (passed: boolean): Mark => (passed ? 'passed' : 'differs');
  return [
    [
      'Accounts counted',
      mark(accountsBefore === accountsAfter),
      `${count(accountsBefore)} before, ${count(accountsAfter)} after`,
    ],
    ['Accounts read', mark(records === plannedRecords), `${count(records)} read, ${count(plannedRecords)} planned`],
    pagesCheck(report),
    [
      'Page boundaries',
      boundariesChecked === 0 ? 'not checked' : mark(boundariesMoved === 0),
      boundariesChecked === 0
        ? report.run.countedBy === 'pages'
          ? 'page numbers are not offsets in this API'
          : 'there are none'
        : `${count(boundariesChecked)} checked, ${count(boundariesMoved)} moved`,
    ],
    [
      'Duplicates',
      mark(duplicates === 0),
      duplicates === 0
        ? 'no account was fetched twice'
        : `${counted(duplicates, 'account')} fetched twice: the later record is current`,
    ],
    [
      'End of data',
      mark(records === accountsAfter),
      records === accountsAfter
        ? 'confirmed: no account follows the last one'
        : `${count(accountsAfter)} accounts when the run ended, ${count(records)} read`,
    ],
    ...sinceLast(report),
    ...(escapedLineBreaks > 0
      ? [['Line breaks', 'noted', `${count(escapedLineBreaks)} in values are written as \\n`] as Check]
      : []),
  ];
}

/** As the policy of the export compares. */
function sinceLast({ last, figures, run }: RunReport): Check[] {
  const { accounts: now = 0 } = figures;
  if (last === undefined || last.accounts === 0) return [];
  const dropPercent = ((last.accounts - now) * 100) / last.accounts;
  const isAllowed = now > 0 && dropPercent <= run.maxDropPercent;
  const change = now < last.accounts ? `${percent(last.accounts - now, last.accounts)} fewer` : 'no fewer';
  const text = `${change} accounts than in the last published run; maxDropPercent allows ${run.maxDropPercent}%`;
  return [['Change', isAllowed ? 'passed' : 'large drop', text]];
}

const FAILURES = 10;

function failuresTable({ ended }: RunReport): Html | undefined {
  if (!ended || ended.failures.length === 0) return undefined;
  const more = ended.failures.length - FAILURES;
  return html`<h3>What failed</h3>
<div class="scroll" tabindex="0"><table class="failures"><thead><tr><th scope="col">task</th><th scope="col">error</th><th scope="col" class="n">attempts</th><th scope="col">message</th></tr></thead><tbody>
${ended.failures.slice(0, FAILURES).map(
  ({ task, error, attempts, message }) =>
    html`<tr><th scope="row">${typeof task === 'number' ? `page ${task}` : task}</th><td>${error}</td><td class="n">${count(attempts)}</td><td>${message}</td></tr>
`,
)}</tbody></table></div>
${more > 0 && html`<p class="small muted">And ${count(more)} more.</p>`}`;
}

export function parametersSection({ run, query }: RunReport): Html {
  const { filter, start, end, segmentationId, segmentId, pageSize } = run.parameters;
  const time = (ms: number | undefined) => (ms === undefined ? undefined : utc(new Date(ms).toISOString()));
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['run', run.runId],
    ['export', run.exportName],
    ['dataset', run.datasetId],
    ['format', run.format],
    ['due', utc(run.dueAt)],
    ['started', utc(run.startedAt)],
    ['page size', count(pageSize)],
    ['filter', filter],
    ['statistics from', time(start)],
    ['statistics to', time(end)],
    ['segmentationId', segmentationId],
    ['segmentId', segmentId],
    ['onDrift', run.onDrift],
    ['boundaryChecks', run.boundaryChecks],
    ['maxDropPercent', `${run.maxDropPercent}%`],
    ['repeats run', run.retryOf],
  ];
  return html`<section aria-labelledby="parameters"><h2 id="parameters">Parameters</h2>
${query !== undefined && html`<p>To query this run:</p><pre><code>${query}</code></pre>`}
<table class="checks"><tbody>
${rows.map(
  ([name, value]) =>
    value !== undefined &&
    html`<tr><th scope="row">${name}</th><td>${value}</td></tr>
`,
)}</tbody></table></section>`;
}
