/** The charts of the run report: SVG that stretches to the width of the page, with its labels beside it as text. */
import { count, counted } from '../../model/readable.ts';
import type { PublishedFigures } from '../storage/run-history.ts';
import { Html, html } from './html.ts';
import { readableMs, readableSeconds, secondsLabels, utc } from './numbers.ts';
import { latencyOf, type TimedPage, type Timeline } from './page-timeline.ts';

/** Units of the view box; the browser stretches it. */
const WIDTH = 1000;

/** More pages than that, or more lanes, are drawn as averages. */
const MAX_BARS = 400;
const MAX_LANES = 24;
/** Averages: a cell is this part of the width. */
const COLUMNS = 200;

type Speed = 'fast' | 'usual' | 'slow';
/** The height of a bar shows the speed too, for readers who do not see the colors. */
const HEIGHTS: Readonly<Record<Speed, number>> = { fast: 0.5, usual: 0.75, slow: 1 };
const SPEEDS = Object.keys(HEIGHTS) as readonly Speed[];

function speedOf(latencyMs: number, { median, p95 }: Timeline['latency']): Speed {
  if (latencyMs <= median) return 'fast';
  return latencyMs <= p95 ? 'usual' : 'slow';
}

/**
 * Pages by lane over time, below what the run did in which part of its time.
 * @param isDelayed whether the run may have waited between counting and the first page that was answered
 */
export function timelineChart(timeline: Timeline, isDelayed: boolean): Html {
  const { lanes, pages, firstPage, lastPage } = timeline;
  const isExact = pages.length <= MAX_BARS && lanes <= MAX_LANES;
  const rows = Math.min(lanes, MAX_LANES);
  const rowHeight = rows <= 4 ? 24 : rows <= 12 ? 16 : 10;
  const span = Math.max(1, lastPage - firstPage);
  const drawing: Drawing = {
    x: (ms) => Math.round(((ms - firstPage) * WIDTH * 10) / span) / 10,
    rows,
    rowHeight,
  };
  const { latency, marks, height } = isExact ? bars(timeline, drawing) : cells(timeline, drawing);
  const offset = (firstPage - timeline.from) / 1000;
  const labels = secondsLabels(offset, offset + span / 1000, 5);
  const hasRetries = pages.some(({ retries }) => retries > 0);
  return html`${phases(timeline, isDelayed)}
<svg class="chart" role="img" viewBox="0 0 ${WIDTH} ${height}" height="${height}" preserveAspectRatio="none">
<title>Pages over time</title>
<desc>${count(pages.length)} pages, up to ${count(lanes)} at the same time, in ${readableSeconds(span / 1000)}. Half of them took up to ${readableMs(timeline.latency.median)}, the slowest ${readableMs(timeline.latency.max)}.</desc>
${marks}</svg>
<div class="axis">${labels.map((label) => html`<span>${label}</span>`)}</div>
<ul class="legend">
<li>${swatch('fast', isExact ? 6 : 12)}up to ${readableMs(latency.median)} (median)</li>
<li>${swatch('usual', isExact ? 9 : 12)}up to ${readableMs(latency.p95)} (95%)</li>
${latency.max > latency.p95 && html`<li>${swatch('slow', 12)}up to ${readableMs(latency.max)}</li>`}
${hasRetries && html`<li>${swatch('retried', isExact ? 3 : 9)}${isExact ? 'with retries' : 'retries'}</li>`}
</ul>
<p class="small muted">${isExact ? 'Each row is a lane. A lane exports one page at a time.' : `Each row shows ${rows < lanes ? `about ${count(Math.round(lanes / rows))}` : 'one'} of ${counted(lanes, 'lane')}. A lane exports one page at a time. Each color shows the mean of the pages at that time.`}</p>`;
}

/** A strip: counting, pages, verifying. Receipts do not say when retries and pauses began: with them, counting ended earlier. */
function phases({ from, to, firstPage, lastPage }: Timeline, isDelayed: boolean): Html {
  const span = Math.max(1, to - from);
  const parts = [
    ['phase', isDelayed ? 'until the first request for a page was answered' : 'counting', firstPage - from],
    ['usual', isDelayed ? 'until the last page was read' : 'pages', lastPage - firstPage],
    ['phase', 'verifying and publishing', to - lastPage],
  ] as const;
  let x = 0;
  const strip = parts.map(([kind, , ms]) => {
    const width = (Math.max(0, ms) * WIDTH) / span;
    x += width;
    return html`<rect class="${kind}" x="${(x - width).toFixed(1)}" y="0" width="${Math.max(0, width - 2).toFixed(1)}" height="8"/>`;
  });
  const shown = parts.filter(([, , ms]) => ms > 0);
  const text = shown.map(([, what, ms]) => html`<li><strong>${readableSeconds(ms / 1000)}</strong> ${what}</li>`);
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} 8" height="8" preserveAspectRatio="none" aria-hidden="true">${strip}</svg>
<ul class="legend phases">${text}</ul>`;
}

function swatch(kind: string, height: number): Html {
  return html`<svg viewBox="0 0 22 12" aria-hidden="true"><rect class="${kind}" x="0" y="${12 - height}" width="22" height="${height}"/></svg>`;
}

interface Drawing {
  readonly x: (ms: number) => number;
  readonly rows: number;
  readonly rowHeight: number;
}

interface Drawn {
  readonly marks: Html;
  readonly height: number;
  /** The limits of the colors. */
  readonly latency: Timeline['latency'];
}

/** The thickness of the line under a page with retries. */
const RETRIED = 2;

/** One bar for each page. */
function bars({ pages, latency }: Timeline, { x, rows, rowHeight }: Drawing): Drawn {
  const marks = pages.map((page) => {
    const left = x(page.start);
    const width = Math.max(1, Math.round((x(page.start + page.latencyMs) - left - 2) * 10) / 10);
    const speed = speedOf(page.latencyMs, latency);
    const height = Math.round((rowHeight - 2 - RETRIED) * HEIGHTS[speed]);
    const bottom = (page.lane + 1) * rowHeight - RETRIED - 1;
    const retried =
      page.retries > 0 && html`<rect class="retried" x="${left}" y="${bottom}" width="${width}" height="${RETRIED}"/>`;
    return html`<g><title>${titleOf(page)}</title><rect class="${speed}" x="${left}" y="${bottom - height}" width="${width}" height="${height}"/>${retried}</g>
`;
  });
  return { marks: html`${marks}`, height: rows * rowHeight, latency };
}

function titleOf({ page, latencyMs, retries, records }: TimedPage): string {
  const again = retries === 0 ? '' : `, ${count(retries)} ${retries === 1 ? 'retry' : 'retries'}`;
  return `Page ${page}: ${readableMs(latencyMs)}, ${count(records)} accounts${again}`;
}

/** The height of the strip with retries. */
const RETRIES_HEIGHT = 24;

/**
 * Means of the pages in each part of the time, as one path for each color, and retries below: the size does not depend on the
 * number of pages.
 */
function cells({ pages, lanes }: Timeline, { x, rows, rowHeight }: Drawing): Drawn {
  const width = WIDTH / COLUMNS;
  const sums = new Float64Array(rows * COLUMNS);
  const counts = new Uint32Array(rows * COLUMNS);
  const retries = new Uint32Array(COLUMNS);
  const columnOf = (ms: number) => Math.min(COLUMNS - 1, Math.floor(x(ms) / width));
  for (const page of pages) {
    const first = columnOf(page.start);
    const last = columnOf(page.start + page.latencyMs);
    const row = Math.floor((page.lane * rows) / lanes);
    for (let at = row * COLUMNS + first; at <= row * COLUMNS + last; at++) {
      sums[at] = (sums[at] ?? 0) + page.latencyMs;
      counts[at] = (counts[at] ?? 0) + 1;
    }
    retries[first] = (retries[first] ?? 0) + page.retries;
  }
  const means = Array.from(sums, (sum, at) => sum / (counts[at] || 1));
  const latency = latencyOf(means.filter((mean) => mean > 0));
  const paths: Record<Speed, string> = { fast: '', usual: '', slow: '' };
  for (const [at, mean] of means.entries()) {
    if (mean === 0) continue;
    const top = Math.floor(at / COLUMNS) * rowHeight;
    paths[speedOf(mean, latency)] += `M${(at % COLUMNS) * width} ${top}h${width}v${rowHeight - 1}h-${width}z`;
  }
  const most = Math.max(1, ...retries);
  const below = rows * rowHeight + RETRIES_HEIGHT;
  const again = Array.from(retries, (times, column) => {
    const height = Math.ceil((times * (RETRIES_HEIGHT - 6)) / most);
    return times === 0 ? '' : `M${column * width} ${below}h${width}v-${height}h-${width}z`;
  });
  const kinds = [...SPEEDS.map((kind) => [kind, paths[kind]] as const), ['retried', again.join('')] as const];
  return {
    marks: html`${kinds.map(([kind, path]) => html`<path class="${kind}" d="${new Html(path)}"/>`)}`,
    height: below,
    latency,
  };
}

export interface HistoryChart {
  readonly runs: readonly PublishedFigures[];
  /** The run of the report. */
  readonly runId: string;
  /** Accounts of a run that was not published. */
  readonly refused?: number | undefined;
  /** A run with fewer accounts is quarantined; `undefined` if there was no run before. */
  readonly limit?: number | undefined;
}

const HISTORY_HEIGHT = 150;

/** Accounts of the last published runs, and of the run of the report if it was not published. */
export function historyChart({ runs, runId, refused, limit }: HistoryChart): Html {
  const values = [...runs.map(({ accounts }) => accounts), ...(refused === undefined ? [] : [refused])];
  const top = niceMaximum(Math.max(2, ...values));
  const x = (i: number) => Math.round(((i + 0.5) * WIDTH * 10) / values.length) / 10;
  const y = (accounts: number) => Math.round((1 - accounts / top) * HISTORY_HEIGHT * 10) / 10;
  const line = runs.map(({ accounts }, i) => `${i === 0 ? 'M' : 'L'}${x(i)} ${y(accounts)}`).join('');
  const dots = runs.map(
    (run, i) =>
      html`<path class="dot${run.verdict === 'consistent' ? '' : ` ${run.verdict}`}${run.runId === runId ? ' now' : ''}" d="M${x(i)} ${y(run.accounts)}h0"><title>${run.runId}: ${count(run.accounts)} accounts, ${run.verdict}, published ${utc(run.publishedAt)}</title></path>`,
  );
  const first = runs[0]?.publishedAt.slice(0, 10) ?? '';
  const last = runs.at(-1)?.publishedAt.slice(0, 10) ?? '';
  const has = (verdict: PublishedFigures['verdict']) => runs.some((run) => run.verdict === verdict);
  return html`<div class="plot"><div class="scale" aria-hidden="true"><span>${count(top)}</span><span>${count(top / 2)}</span><span>0</span></div>
<svg class="chart" role="img" viewBox="0 0 ${WIDTH} ${HISTORY_HEIGHT}" height="${HISTORY_HEIGHT}" preserveAspectRatio="none">
<title>Accounts of the last runs</title>
<desc>${counted(values.length, 'run')}${values.length > 1 ? `, from ${count(Math.min(...values))} to ${count(Math.max(...values))} accounts` : ''}. The table below has the same figures.</desc>
${limit !== undefined && html`<rect class="band" x="0" y="${y(limit)}" width="${WIDTH}" height="${HISTORY_HEIGHT - y(limit)}"/><path class="limit" d="M0 ${y(limit)}h${WIDTH}"/>`}
<path class="rule" d="M0 0.5h${WIDTH}M0 ${HISTORY_HEIGHT / 2}h${WIDTH}M0 ${HISTORY_HEIGHT}h${WIDTH}"/>
<path class="line" d="${line}"/>${dots}
${refused !== undefined && html`<path class="dot refused" d="M${x(values.length - 1)} ${y(refused)}h0"><title>${runId}: ${count(refused)} accounts, not published</title></path>`}
</svg>
<div class="axis"><span>${first}</span><span>${refused === undefined ? (last === first ? '' : last) : 'this run'}</span></div></div>
<ul class="legend">
<li>${dotSwatch('dot')}published</li>
${has('drifted') && html`<li>${dotSwatch('dot drifted')}published, drifted</li>`}
${has('unverified') && html`<li>${dotSwatch('dot unverified')}published, unverified</li>`}
${refused !== undefined && html`<li>${dotSwatch('dot refused')}this run, not published</li>`}
${limit !== undefined && html`<li><svg viewBox="0 0 22 12" aria-hidden="true"><rect class="band" x="0" y="0" width="22" height="12"/><path class="limit" d="M0 1h22"/></svg>a run with fewer than ${count(limit)} accounts is quarantined</li>`}
</ul>`;
}

function dotSwatch(kind: string): Html {
  return html`<svg viewBox="0 0 22 12" aria-hidden="true"><path class="${kind}" d="M11 6h0"/></svg>`;
}

/** The next number that reads well, and whose half is whole: 1, 2, 4, 5, 6, 8 or 10 times a power of ten. */
function niceMaximum(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const steps = power === 1 ? [2, 4, 6, 8] : [1, 2, 4, 5, 6, 8];
  return (steps.find((step) => step * power >= value) ?? 10) * power;
}

/** A bar that shows a share, from 0 to 1. */
export function shareBar(share: number): Html {
  return html`<svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="phase" x="0" y="0" width="100" height="8"/><rect class="fast" x="0" y="0" width="${Math.round(share * 1000) / 10}" height="8"/></svg>`;
}
