/** The charts of the run report: SVG that stretches to the width of the page, with its labels beside it as text. */
import { count } from '../../model/readable.ts';
import type { PublishedFigures } from '../storage/run-history.ts';
import { Html, html } from './html.ts';
import { readableMs, readableSeconds, utc } from './numbers.ts';
import type { TimedPage, Timeline } from './page-timeline.ts';

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

/** Pages by lane over the time of the run. */
export function timelineChart(timeline: Timeline): Html {
  const { from, to, lanes, pages, latency } = timeline;
  const rows = Math.min(lanes, MAX_LANES);
  const rowHeight = rows <= 4 ? 22 : rows <= 12 ? 14 : 10;
  const height = rows * rowHeight;
  const span = Math.max(1, to - from);
  const drawing: Drawing = {
    x: (ms) => Math.round(((ms - from) * WIDTH * 10) / span) / 10,
    row: (lane) => Math.min(rows - 1, Math.floor((lane * rows) / lanes)),
    rowHeight,
  };
  const isExact = pages.length <= MAX_BARS && lanes <= MAX_LANES;
  const marks = isExact ? bars(timeline, drawing) : cells(timeline, drawing);
  const firstPage = drawing.x(pages[0]?.start ?? from);
  const lastPage = drawing.x(pages.reduce((end, page) => Math.max(end, page.start + page.latencyMs), from));
  const seconds = span / 1000;
  return html`<svg class="chart" role="img" viewBox="0 0 ${WIDTH} ${height}" height="${height}" preserveAspectRatio="none">
<title>Pages over time</title>
<desc>${count(pages.length)} pages, up to ${count(lanes)} at the same time, in ${readableSeconds(seconds)}. Half of them took up to ${readableMs(latency.median)}, the slowest ${readableMs(latency.max)}.</desc>
<rect class="phase" x="0" y="0" width="${firstPage}" height="${height}"><title>Before the first page: counting the accounts</title></rect>
<rect class="phase" x="${lastPage}" y="0" width="${Math.max(0, WIDTH - lastPage)}" height="${height}"><title>After the last page: verifying and publishing</title></rect>
${marks}</svg>
<div class="axis">${[0, 0.25, 0.5, 0.75, 1].map((part) => html`<span>${readableSeconds(seconds * part)}</span>`)}</div>
<ul class="legend">
<li>${swatch('fast', 6)}up to ${readableMs(latency.median)} (median)</li>
<li>${swatch('usual', 9)}up to ${readableMs(latency.p95)} (95 % of the pages)</li>
<li>${swatch('slow', 12)}up to ${readableMs(latency.max)}</li>
<li>${swatch('retried', 3)}with retries</li>
<li>${swatch('phase', 12)}counting, verifying</li>
</ul>
<p class="small muted">${rows < lanes ? `Each row is ${count(Math.ceil(lanes / rows))} lanes; a lane is one page at a time.` : 'Each row is a lane: one page at a time.'}${isExact ? '' : ' Heights and colors are means of the pages at that time.'}</p>`;
}

function swatch(kind: string, height: number): Html {
  return html`<svg viewBox="0 0 22 12" aria-hidden="true"><rect class="${kind}" x="0" y="${12 - height}" width="22" height="${height}"/></svg>`;
}

interface Drawing {
  readonly x: (ms: number) => number;
  readonly row: (lane: number) => number;
  readonly rowHeight: number;
}

/** The thickness of the line under a page with retries. */
const RETRIED = 2;

/** One bar for each page. */
function bars({ pages, latency }: Timeline, { x, row, rowHeight }: Drawing): Html[] {
  return pages.map((page) => {
    const left = x(page.start);
    const width = Math.max(1, Math.round((x(page.start + page.latencyMs) - left - 1) * 10) / 10);
    const speed = speedOf(page.latencyMs, latency);
    const height = Math.round((rowHeight - 2 - RETRIED) * HEIGHTS[speed]);
    const bottom = (row(page.lane) + 1) * rowHeight - RETRIED - 1;
    const retried =
      page.retries > 0 && html`<rect class="retried" x="${left}" y="${bottom}" width="${width}" height="${RETRIED}"/>`;
    return html`<g><title>${titleOf(page)}</title><rect class="${speed}" x="${left}" y="${bottom - height}" width="${width}" height="${height}"/>${retried}</g>
`;
  });
}

function titleOf({ page, latencyMs, retries, records }: TimedPage): string {
  const again = retries === 0 ? '' : `, ${count(retries)} ${retries === 1 ? 'retry' : 'retries'}`;
  return `Page ${page}: ${readableMs(latencyMs)}, ${count(records)} accounts${again}`;
}

/** Averages of the pages in each part of the time, as one path for each speed: the size does not depend on the pages. */
function cells({ pages, latency }: Timeline, { x, row, rowHeight }: Drawing): Html {
  const width = WIDTH / COLUMNS;
  const sums = new Map<number, { ms: number; pages: number; retries: number }>();
  for (const page of pages) {
    const first = Math.min(COLUMNS - 1, Math.floor(x(page.start) / width));
    const last = Math.min(COLUMNS - 1, Math.floor(x(page.start + page.latencyMs) / width));
    for (let column = first; column <= last; column++) {
      const at = row(page.lane) * COLUMNS + column;
      const cell = sums.get(at) ?? { ms: 0, pages: 0, retries: 0 };
      cell.ms += page.latencyMs;
      cell.pages += 1;
      cell.retries += page.retries;
      sums.set(at, cell);
    }
  }
  const paths: Record<Speed | 'retried', string> = { fast: '', usual: '', slow: '', retried: '' };
  const box = (at: number, bottom: number, height: number) =>
    `M${(at % COLUMNS) * width} ${bottom}h${width}v-${height}h-${width}z`;
  for (const [at, cell] of sums) {
    const speed = speedOf(cell.ms / cell.pages, latency);
    const bottom = (Math.floor(at / COLUMNS) + 1) * rowHeight - RETRIED - 1;
    paths[speed] += box(at, bottom, Math.round((rowHeight - 2 - RETRIED) * HEIGHTS[speed]));
    if (cell.retries > 0) paths.retried += box(at, bottom + RETRIED, RETRIED);
  }
  return html`${[...SPEEDS, 'retried' as const].map((kind) => html`<path class="${kind}" d="${new Html(paths[kind])}"/>`)}`;
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
  const top = niceMaximum(Math.max(1, ...values));
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
<desc>${count(values.length)} runs${values.length > 1 ? `, from ${count(Math.min(...values))} to ${count(Math.max(...values))} accounts` : ''}. The table below has the same figures.</desc>
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

/** The next number that reads well: 1, 2, 4, 5, 6, 8 or 10 times a power of ten. */
function niceMaximum(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 4, 5, 6, 8, 10].find((step) => step * power >= value) ?? 10) * power;
}

/** A bar that shows a share, from 0 to 1. */
export function shareBar(share: number): Html {
  return html`<svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="phase" x="0" y="0" width="100" height="8"/><rect class="fast" x="0" y="0" width="${Math.round(share * 1000) / 10}" height="8"/></svg>`;
}
