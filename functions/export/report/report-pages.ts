/** Sections of the run report: pages over time, and accounts over the last runs. */
import { bytes, count } from '../../model/readable.ts';
import { historyChart, timelineChart } from './charts.ts';
import { type Html, html } from './html.ts';
import { readableMs, utc } from './numbers.ts';
import { countOf } from './page-timeline.ts';
import type { RunReport } from './run-report.ts';

export function pagesSection(report: RunReport): Html {
  const { timeline, pages, slowest } = report;
  const { described, present } = pages;
  const isDelayed = report.isResumed || report.retries.total !== 0;
  return html`<section aria-labelledby="pages"><h2 id="pages">Pages over time</h2>
${timeline ? timelineChart(timeline, isDelayed) : html`<p>${present === 0 ? 'No page is finished.' : 'No timeline: the receipts of this run do not say when its pages were started.'}</p>`}
${described < present && html`<p class="small muted">${described === 0 ? `The receipts of the pages are not available.` : `From the receipts of ${count(described)} of ${count(present)} pages, evenly spread.`}</p>`}
<div class="two"><div>${retriesTable(report)}</div><div>${slowest.length > 0 && slowestTable(report)}</div></div></section>`;
}

/** What a cause of `Usage` means. */
const CAUSES: Readonly<Record<string, string>> = {
  '408': 'the API timed out',
  '425': 'the API was not ready',
  '429': 'too many requests: the API asked to wait',
  '5xx': 'an error of the API',
  'broken-body': 'an answer broke off or was invalid',
  connection: 'no connection, or it broke off',
  timeout: 'no answer in time',
  'too-large': 'an answer was too large',
};

function retriesTable({ retries, pages }: RunReport): Html {
  const { byCause, total } = retries;
  const known = byCause.reduce((sum, [, times]) => sum + times, 0);
  const others = (total ?? known) - known;
  const rows = [
    ...byCause.map(([cause, times]) => [cause, CAUSES[cause] ?? '', times] as const),
    ...(others > 0
      ? [
          [
            'others',
            pages.described < pages.present ? 'of other pages and steps' : 'planning, publishing, and failed attempts',
            others,
          ] as const,
        ]
      : []),
  ];
  return html`<h3>Retries by cause</h3>
${
  rows.length === 0
    ? html`<p>No request was retried.</p>`
    : html`<table><thead><tr><th scope="col">cause</th><th scope="col">meaning</th><th scope="col" class="n">retries</th></tr></thead><tbody>
${rows.map(
  ([
    cause,
    meaning,
    times,
  ]) => html`<tr><th scope="row">${cause}</th><td class="muted">${meaning}</td><td class="n">${count(times)}</td></tr>
`,
)}</tbody></table>`
}`;
}

function slowestTable({ slowest, pages }: RunReport): Html {
  const title = pages.present > slowest.length ? `The ${slowest.length} slowest pages` : 'Pages, the slowest first';
  return html`<h3>${title}</h3>
<table><thead><tr><th scope="col">page</th><th scope="col" class="n">took</th><th scope="col" class="n">accounts</th><th scope="col" class="n">size</th><th scope="col" class="n">retries</th></tr></thead><tbody>
${slowest.map(
  ({ page, latencyMs, records, bytes: size, usage }) =>
    html`<tr><th scope="row">${page}</th><td class="n">${readableMs(latencyMs)}</td><td class="n">${count(records)}</td><td class="n">${bytes(size)}</td><td class="n">${count(countOf(usage.retries))}</td></tr>
`,
)}</tbody></table>`;
}

export function historySection(report: RunReport): Html {
  const { history, run, status, last, figures } = report;
  const refused = status === 'quarantined' ? figures.accounts : undefined;
  if (history.length === 0) {
    return html`<section aria-labelledby="history"><h2 id="history">Accounts over the last runs</h2><p>No run of export ${run.exportName} was published before.</p></section>`;
  }
  // As the policy compares: fewer than this are quarantined.
  const limit =
    last && last.accounts > 0 ? Math.max(1, Math.ceil(last.accounts * (1 - run.maxDropPercent / 100))) : undefined;
  const rows = history.toReversed();
  return html`<section aria-labelledby="history"><h2 id="history">Accounts ${history.length === 1 ? 'of the last run' : `over the last ${count(history.length)} runs`}</h2>
${historyChart({ runs: history, runId: run.runId, refused, limit })}
<details><summary>As a table</summary><div class="scroll" tabindex="0"><table><thead><tr><th scope="col">run</th><th scope="col">published</th><th scope="col" class="n">accounts</th><th scope="col">verdict</th></tr></thead><tbody>
${rows.map(
  ({ runId, publishedAt, accounts, verdict }) =>
    html`<tr><th scope="row">${runId}${runId === run.runId && ' (this run)'}</th><td>${utc(publishedAt)}</td><td class="n">${count(accounts)}</td><td>${verdict}</td></tr>
`,
)}</tbody></table></div></details></section>`;
}
