/** The run report as one HTML page: no script, no request, nothing but the figures of a run. */
import { count, counted } from '../../model/readable.ts';
import { Html, html } from './html.ts';
import { utc } from './numbers.ts';
import { fieldsSection } from './report-fields.ts';
import { historySection, pagesSection } from './report-pages.ts';
import { figuresSection, parametersSection, verificationSection } from './report-sections.ts';
import type { RunReport } from './run-report.ts';
import { POLICY, STYLE } from './style.ts';

/** @returns the page, with every text from outside escaped */
export function renderReport(report: RunReport): string {
  const { run, status } = report;
  const { tone, sign, sentence } = headline(report);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Html(POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>${run.exportName}: ${sentence}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<header>
<p class="top">Account Export · run report</p>
<div class="state ${tone}">
<svg class="sign" viewBox="0 0 24 24" role="img"><title>${SIGNS[sign].title}</title><path d="${SIGNS[sign].path}"/></svg>
<div>
<h1>${sentence}</h1>
${explanation(report)}
<p class="facts">Export <strong>${run.exportName}</strong> of dataset <strong>${run.datasetId}</strong>, ${status === 'published' && report.manifest ? `published ${utc(report.manifest.publishedAt)}` : `started ${utc(run.startedAt)}`}, run ${run.runId}</p>
</div>
</div>
</header>
<main>
${figuresSection(report)}
${verificationSection(report)}
${pagesSection(report)}
${historySection(report)}
${fieldsSection(report)}
${parametersSection(report)}
</main>
<footer>Figures, field names, and settings of one run. This report contains no account data, loads nothing, and runs no script.</footer>
</body>
</html>
`;
  return page.text;
}

type Tone = 'ok' | 'warn' | 'bad';

const SIGNS = {
  check: { title: 'OK', path: 'M12 2.5a9.5 9.5 0 1 0 0 19 9.5 9.5 0 1 0 0-19M7.5 12.4l3.1 3.1 6-6.6' },
  caution: { title: 'Check this', path: 'M12 3L22 20.5H2zM12 9.5v5M12 17.6v.1' },
  cross: {
    title: 'Not published',
    path: 'M12 2.5a9.5 9.5 0 1 0 0 19 9.5 9.5 0 1 0 0-19M8.7 8.7l6.6 6.6M15.3 8.7l-6.6 6.6',
  },
} as const;

interface Headline {
  readonly tone: Tone;
  readonly sign: keyof typeof SIGNS;
  readonly sentence: string;
}

function headline({ status, manifest, pages, figures, coverage, ended }: RunReport): Headline {
  const accounts = counted(figures.accounts ?? 0, 'account');
  if (status === 'quarantined')
    return { tone: 'bad', sign: 'cross', sentence: `${accounts}, quarantined, not published.` };
  if (status === 'failed' || !manifest) {
    // Missing or modified parts are not kept.
    const kept = ended?.error === 'RunIncompleteError' ? '' : ' and kept';
    const sentence = `Failed: ${count(pages.present)} of ${counted(pages.planned, 'page')} exported${kept}.`;
    return { tone: 'bad', sign: 'cross', sentence };
  }
  const { verdict } = manifest.consistency;
  const vanished = coverage.fields.filter(({ notes }) => notes.includes('vanished')).length;
  const more = vanished === 0 ? '' : ` ${counted(vanished, 'field')} vanished.`;
  const sentence = `${accounts}, published, ${verdict}.${more}`;
  return verdict === 'consistent' && vanished === 0
    ? { tone: 'ok', sign: 'check', sentence }
    : { tone: 'warn', sign: 'caution', sentence };
}

/** What happened, why, and what to do. */
function explanation({ ended, manifest, coverage }: RunReport): Html {
  if (ended) {
    return html`<p><strong>${ended.error}</strong>: ${ended.message}</p>
<p>Published data is unchanged. ${ended.remedy}</p>
${ended.command !== undefined && html`<pre tabindex="0"><code>${ended.command}</code></pre>`}
${ended.executionUrl !== undefined && html`<p><a href="${ended.executionUrl}" rel="noreferrer">Open the execution in the AWS console</a></p>`}`;
  }
  const vanished = coverage.fields.filter(({ notes }) => notes.includes('vanished')).map(({ name }) => name);
  const shown = vanished.slice(0, 5).join(', ') + (vanished.length > 5 ? ', …' : '');
  return html`${manifest && html`<p>${VERDICTS[manifest.consistency.verdict]}</p>`}
${vanished.length > 0 && html`<p>In the last published run, accounts had these fields. Now no account has them: <strong>${shown}</strong>.</p>`}`;
}

const VERDICTS = {
  consistent: 'Every page is present, and the data did not change during the run.',
  drifted:
    'The data changed during the run, so accounts may be missing or duplicated. Start a new run, or set onDrift to "retry".',
  unverified: 'Page boundaries could not be checked, because page numbers are not offsets in this API.',
} as const;
