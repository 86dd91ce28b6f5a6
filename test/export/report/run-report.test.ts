/** What run reports show, and that they show nothing else. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareFields } from '../../../functions/export/report/coverage.ts';
import { html } from '../../../functions/export/report/html.ts';
import { secondsLabels } from '../../../functions/export/report/numbers.ts';
import { timelineOf } from '../../../functions/export/report/page-timeline.ts';
import { renderReport } from '../../../functions/export/report/render-report.ts';
import { describeRun, partsOf } from '../../../functions/export/report/run-report.ts';
import { STYLE } from '../../../functions/export/report/style.ts';
import { localRun } from '../../support/local-run.ts';
import {
  HOSTILE,
  renderSample,
  sampleEvidence,
  sampleFields,
  sampleReceipts,
  sampleReports,
} from '../../support/sample-reports.ts';

const textOf = (page: string) =>
  page
    .replace(/<style>.*?<\/style>/s, '')
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll(/\s+/g, ' ');

const pages = sampleReports();
const textOfSample = (name: string) => textOf(pages[name] ?? '');

describe('the sentence', () => {
  it.each([
    ['consistent', '12,431 accounts, published, consistent.'],
    ['drifted', '12,431 accounts, published, drifted. 1 field vanished.'],
    ['quarantined', '5,102 accounts, quarantined, not published.'],
    ['failed', 'Failed: 22 of 25 pages exported and kept.'],
    ['empty', '0 accounts, published, consistent.'],
    ['large', '29,998,200 accounts, published, consistent. 1 field vanished.'],
  ])('of a run: %s', (name, sentence) => {
    expect(textOfSample(name)).toContain(` ${sentence} `);
  });

  it('of a run with missing parts does not say that its pages are kept', () => {
    const ended = {
      error: 'RunIncompleteError',
      message: 'Page 3 is missing.',
      remedy: 'Resume the run.',
      command: undefined,
      executionUrl: undefined,
      failures: [],
    };
    const { manifest: _none, ...evidence } = sampleEvidence();
    expect(textOf(renderSample({ ...evidence, status: 'failed', ended }))).toContain(
      ' Failed: 25 of 25 pages exported. ',
    );
  });

  it('of a failed run is followed by the reason and the command to copy', () => {
    const text = textOfSample('failed');
    expect(text).toContain('BudgetExceededError : The record budget of run');
    expect(text).toContain('npx account-export resume 20260822T020000Z-1f3a --max-records N');
    expect(text).toContain('Missing pages: 7, 12, 19');
  });
});

it.each([
  [{ format: 'json' }, 'gzipped JSON'],
  [{ format: 'csv', compression: 'gzip' }, 'gzipped CSV'],
  [{ format: 'csv', compression: 'zstd' }, 'zstd-compressed CSV'],
  [{ format: 'parquet' }, 'Parquet'],
] as const)('names the form of the parts: %j', (run, form) => {
  expect(partsOf(run)).toBe(form);
});

describe('figures', () => {
  it('equal the manifest', () => {
    const manifest = { records: 12_433, distinctAccounts: 12_431, duplicates: 2, bytes: 603_900, retries: 3 };
    const text = textOf(renderSample(sampleEvidence({ manifest })));
    expect(text).toContain('Accounts 12,431 +52 (+0.4%) since 2026-08-21');
    expect(text).toContain('Contract records 12,558 ');
    expect(text).toContain('Size 603.9 kB in 25 parts, gzipped JSON');
    expect(text).toContain('Accounts read ! differs 12,433 read, 12,431 planned');
    expect(text).toContain('2 accounts fetched twice: the later record is current');
    expect(text).toContain('Pages ✓ passed 25 planned, 25 present');
    expect(text).toContain('Page boundaries ✓ passed 26 checked, 0 moved');
  });

  it('show the cost only of a run on AWS', () => {
    expect(textOfSample('consistent')).toContain('Estimated cost 0.01 USD');
    expect(textOfSample('drifted')).not.toContain('USD');
  });

  it('show retries by cause, and those that no page explains', () => {
    const [first, ...others] = sampleReceipts(3, 1, 1_500, 500);
    const retries = { 429: 2, connection: 1 };
    const receipts = first ? [{ ...first, usage: { ...first.usage, retries } }, ...others] : [];
    const text = textOf(
      renderSample(sampleEvidence({ accounts: 1_500, manifest: { retries: 4 }, evidence: { receipts } })),
    );
    expect(text).toContain('429 too many requests: the API asked to wait 2 ');
    expect(text).toContain('connection no connection, or it broke off 1 ');
    expect(text).toContain('others planning, publishing, and failed attempts 1 ');
  });
});

describe('a run that was resumed', () => {
  it('says that its duration includes pauses, and shows neither accounts per second nor the time of counting', () => {
    const evidence = { isResumed: true };
    const text = textOf(renderSample(sampleEvidence({ evidence })));
    expect(text).toMatch(/Duration \S+ s from the first start to publishing, including pauses/);
    expect(text).not.toContain('accounts per second');
    expect(text).toContain('until the first request for a page was answered');
    expect(textOfSample('consistent')).toContain('accounts per second');
    expect(textOfSample('failed')).toMatch(/Duration \S+ s to the end of the last page/);
  });

  it('costs nothing while it is paused', () => {
    const paused = { startedAt: '2026-08-01T02:00:00.000Z' };
    const usdOf = (run: object) => describeRun(sampleEvidence({ run, evidence: { isResumed: true } })).figures.usd;
    expect(usdOf(paused)).toBe(usdOf({}));
  });
});

describe('a run without retries', () => {
  const receipts = sampleReceipts(1, 1, 500, 500).map((receipt) => {
    return { ...receipt, usage: { ...receipt.usage, retries: {} } };
  });
  const sample = (retries: number) =>
    textOf(renderSample(sampleEvidence({ accounts: 500, manifest: { retries }, evidence: { receipts } })));

  it('shows the time of counting, and no retries', () => {
    expect(sample(0)).toContain('1.9 s counting');
    expect(sample(0)).not.toContain('with retries');
    expect(sample(0)).toContain('records to count and check');
  });

  it('is the only one that shows the time of counting: retries come before a page is answered', () => {
    expect(sample(2)).not.toContain('counting');
    expect(sample(2)).toContain('1.9 s until the first request for a page was answered');
    expect(sample(2)).toContain('records to count, check, and retry');
  });
});

describe('an axis', () => {
  it.each([
    [1.9, 21.9, ['1.9 s', '6.9 s', '12 s', '17 s', '22 s']],
    [21.4, 24.3, ['21.4 s', '22.1 s', '22.9 s', '23.6 s', '24.3 s']],
    [2.2, 2.21, ['2.200 s', '2.203 s', '2.205 s', '2.208 s', '2.210 s']],
    [130, 170, ['130 s', '140 s', '150 s', '160 s', '170 s']],
    [2.2, 2.201, ['2.200 s', '2.201 s']],
    [2.2, 2.2, ['2.200 s']],
  ])('of time from %d s to %d s has no label twice', (from, to, labels) => {
    expect(secondsLabels(from, to, 5)).toEqual(labels);
  });

  it('of a short run has no label twice', () => {
    const receipts = sampleReceipts(1, 1, 500, 500);
    const page = renderSample(sampleEvidence({ accounts: 500, evidence: { receipts } }));
    const [, axis = ''] = /<div class="axis">(.*?)<\/div>/.exec(page) ?? [];
    const labels = [...axis.matchAll(/<span>(.*?)<\/span>/g)].map(([, label]) => label);
    expect(labels).toHaveLength(5);
    expect(new Set(labels).size).toBe(5);
  });

  it.each([0, 1, 5, 9])('of %d accounts has whole numbers', (accounts) => {
    const page = renderSample(sampleEvidence({ accounts, evidence: { history: undefined } }));
    expect(/<div class="scale".*?<\/div>/.exec(page)?.[0]).toMatch(/><span>\d+<\/span><span>\d+<\/span><span>0</);
    expect(textOf(page)).toContain(' Accounts of the last run ');
    expect(page).toContain('<desc>1 run.');
  });
});

describe('the timeline', () => {
  const at = (start: number, latencyMs: number, page: number) => ({
    page,
    records: 1,
    bytes: 1,
    latencyMs,
    usage: { apiRequests: 1, recordsFetched: 1, retries: {} },
    startedAt: new Date(start).toISOString(),
  });

  it('puts pages that overlap on different lanes, and each on the first that is free', () => {
    const timeline = timelineOf(
      [at(0, 100, 0), at(50, 100, 1), at(100, 50, 2), at(120, 10, 3), at(150, 10, 4)],
      0,
      500,
    );
    expect(timeline?.pages.map(({ page, lane }) => [page, lane])).toEqual([
      [0, 0],
      [1, 1],
      [2, 0],
      [3, 2],
      [4, 0],
    ]);
    expect(timeline).toMatchObject({ lanes: 3, from: 0, to: 500, firstPage: 0, lastPage: 160 });
    expect(timeline?.latency).toEqual({ median: 50, p95: 100, max: 100 });
  });

  it('is left out with a sentence when the receipts do not say when pages were started', () => {
    const receipts = sampleReceipts(3, 1, 1_500, 500).map(({ startedAt: _unknown, ...receipt }) => receipt);
    const text = textOf(renderSample(sampleEvidence({ accounts: 1_500, evidence: { receipts } })));
    expect(text).toContain('No timeline: the receipts of this run do not say when its pages were started.');
    expect(text).toContain('Pages, the slowest first');
  });
});

describe('fields', () => {
  const counted = (fields: Readonly<Record<string, number>>, records = 1_000) => ({
    format: 'json' as const,
    records,
    fields: Object.entries(fields).map(([name, present]) => ({ name, present })),
  });
  const notesOf = ({ fields }: ReturnType<typeof compareFields>) =>
    Object.fromEntries(fields.map(({ name, notes }) => [name, notes.join()]));

  it('vanish if 1% of the accounts had them, and none has them now', () => {
    const before = counted({ a: 10, b: 9, c: 1_000, d: 0 });
    expect(notesOf(compareFields(counted({ b: 0, c: 5, d: 1, e: 1 }), before, []))).toEqual({
      a: 'vanished',
      b: 'gone',
      c: '',
      d: 'new',
      e: 'new',
    });
  });

  it('are not compared with a run that counted none, or by a run that has none', () => {
    const now = counted({ a: 1 });
    expect(notesOf(compareFields(now, undefined, ['a', 'x_sent_as_array', 'y_as_sent']))).toEqual({
      a: 'no column',
      x_sent_as_array: 'kept as sent',
      y_as_sent: 'kept as sent',
    });
    expect(notesOf(compareFields(counted({}), counted({ a: 1_000 }), []))).toEqual({});
    expect(notesOf(compareFields(counted({ a: 0 }, 0), counted({ a: 1_000 }), []))).toEqual({ a: '' });
    // CSV names an attribute without `attributes.`.
    expect(notesOf(compareFields({ ...now, format: 'csv' }, counted({ b: 1_000 }), []))).toEqual({ a: '' });
  });

  it('come from the history when the last manifest is not at hand', () => {
    const { coverage } = describeRun(sampleEvidence({ manifest: { fields: sampleFields(12_431) } }));
    expect(coverage.fields[0]).toMatchObject({ name: 'attributes.legacyScore', now: undefined, notes: ['vanished'] });
  });
});

describe('the page', () => {
  it('allows its own style and nothing else, and has no script', () => {
    for (const page of Object.values(pages)) {
      const [, policy = ''] = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(page) ?? [];
      const [, style = ''] = /<style>(.*?)<\/style>/s.exec(page) ?? [];
      const hash = createHash('sha256').update(style).digest('base64');
      expect(policy).toBe(
        `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'`,
      );
      expect(page).not.toMatch(/<script|<img|<iframe|<[a-z][^>]*\s(?:on\w+|style)\s*=|="javascript:/i);
      expect(page.replaceAll('https://eu-west-1.console.aws.amazon.com', '')).not.toMatch(
        /(?:src|href)="(?!data:,"|\/states)/,
      );
    }
  });

  it('escapes what comes from outside: names of fields, segments and exports, and errors', () => {
    expect(html`<b title="${HOSTILE}">${[HOSTILE, 1, false, undefined]}</b>`.text).toBe(
      `<b title="${ESCAPED}">${ESCAPED}1</b>`,
    );
    const { hostile = '' } = pages;
    expect(hostile.split(ESCAPED).length - 1).toBe(4);
    expect(hostile).not.toMatch(/\p{Bidi_Control}|(?!\n)\p{Cc}/u);
  });

  it('on 30,000 pages stays below 400 kB, also with many fields', () => {
    const many = Object.fromEntries(
      Array.from({ length: 2_000 }, (_, i) => [`attributes.${'f'.repeat(200)}${i}`, 0.5]),
    );
    const page = renderSample(
      sampleEvidence({
        accounts: 29_999_001,
        pageSize: 1_000,
        lanes: 1_000,
        manifest: { fields: sampleFields(29_999_001, many) },
      }),
    );
    expect(Buffer.byteLength(page)).toBeLessThan(400_000);
    expect(Buffer.byteLength(pages.large ?? '')).toBeLessThan(400_000);
    // The largest with a bar for each page.
    const bars = renderSample(sampleEvidence({ accounts: 400_000, pageSize: 1_000, lanes: 24 }));
    expect(Buffer.byteLength(bars)).toBeLessThan(400_000);
  });

  it('contains no account: its text is the same whatever the accounts are', async () => {
    const { manifest, folder, parts } = await localRun({ accounts: 1_234 });
    const page = await readFile(join(folder, 'export_runs/run_id=run-1/_report.html'), 'utf8');
    expect(textOf(page)).toContain(' 1,234 accounts, published, consistent. ');
    expect(textOf(page)).toContain(`Contract records ${(await manifest()).recordsFetched.toLocaleString('en-US')} `);
    const accounts = (await parts()).flatMap((text) =>
      text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    );
    expect(accounts).toHaveLength(1_234);
    const values = accounts.flatMap(({ name, accountStatus, attributes }) => [
      name,
      accountStatus,
      ...Object.values(attributes ?? {}),
    ]);
    const leaked = values.filter((value) => typeof value === 'string' && value.length > 5 && page.includes(value));
    expect(leaked).toEqual([]);
  });
});

/** The colors of one scheme, by their names. */
function colorsOf(css: string): (name: string) => string {
  const colors = new Map([...css.matchAll(/--([\w-]+):#([0-9a-f]+)/g)].map(([, name = '', hex = '']) => [name, hex]));
  return (name) => colors.get(name) ?? '';
}

/** Source: WCAG 2.2, "contrast ratio" and "relative luminance". */
function contrast(one: string, other: string): number {
  const luminance = (hex: string) => {
    const long = hex.length === 3 ? [...hex].map((digit) => digit + digit).join('') : hex;
    const [r = 0, g = 0, b = 0] = [0, 2, 4].map((at) => {
      const value = Number.parseInt(long.slice(at, at + 2), 16) / 255;
      return value <= 0.040_45 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

it.each(['light', 'dark'])('colors have enough contrast: %s', (scheme) => {
  const [light = '', dark = ''] = STYLE.split('@media(prefers-color-scheme:dark)');
  const color = colorsOf(scheme === 'light' ? light : (dark.split('}')[0] ?? ''));
  const texts = [
    ['text', 'bg card code ok-bg warn-bg bad-bg'],
    ['muted', 'bg card ok-bg warn-bg bad-bg'],
    ['link', 'card bad-bg'],
    ...['ok', 'warn', 'bad'].map((tone) => [tone, `card ${tone}-bg`]),
  ];
  for (const [text = '', grounds = ''] of texts) {
    for (const ground of grounds.split(' ')) {
      expect(contrast(color(text), color(ground)), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
  }
  for (const mark of ['fast', 'usual', 'slow', 'bad']) {
    expect(contrast(color(mark), color('card')), mark).toBeGreaterThanOrEqual(3);
  }
});

const ESCAPED =
  '&lt;/script&gt;&lt;img src=x onerror=&quot;document.title=&#39;hacked&#39;&quot;&gt;\\u202eevil\\u001b[31m';

it('a report is made of what is stored: twice the same is twice the same page', () => {
  const evidence = sampleEvidence();
  expect(renderReport(describeRun(evidence))).toBe(renderReport(describeRun(evidence)));
});
