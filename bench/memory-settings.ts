/** What pages cost at different Lambda memory settings, which also set the share of a vCPU. */
import { MEMORY_MB, SECONDS_PER_ACCOUNT, TRANSFORM_SECONDS_PER_ACCOUNT } from '../functions/export/plan/estimate.ts';
import type { ExportFormat } from '../functions/model/export-format.ts';
import { shareOfCpu, usdOfSeconds } from './lambda-price.ts';
import type { BenchTable, Spread } from './section.ts';
import { quoteSpread } from './spread.ts';

const SETTINGS_MB = [256, 512, 768, 1024, 1769, 2048, 3008] as const;
/** The API's time for an empty page, as in the cost model. */
const PROBE_SECONDS = 0.2;
/** How many times faster the fast API is. */
const FAST_API_FACTOR = 10;

/** CPU time per page. */
export interface PageCpu {
  readonly format: ExportFormat;
  /** Of a new process, before JIT compilation. */
  readonly firstMs: Spread;
  readonly laterMs: Spread;
  /** The mean of all pages of a container. */
  readonly meanMs: Spread;
}

export interface Setting {
  readonly memoryMb: number;
  readonly share: number;
  /** Whether the largest and hardest bodies fit. */
  readonly fitsBodies: boolean;
  /** By format. */
  readonly secondsOfPage: Readonly<Record<string, number>>;
  readonly usdOfMillion: Readonly<Record<string, number>>;
  readonly usdOfMillionFastApi: Readonly<Record<string, number>>;
}

/** Costs by memory setting. A smaller share of a vCPU slows work, not waiting. @param minimumMb what the largest bodies need */
export function settingsOf(cpu: readonly PageCpu[], pageSize: number, minimumMb: number): Setting[] {
  const waitSeconds = PROBE_SECONDS + pageSize * SECONDS_PER_ACCOUNT;
  return SETTINGS_MB.map((memoryMb) => {
    const share = shareOfCpu(memoryMb);
    const seconds = (wait: number) =>
      cpu.map(({ format, meanMs }) => [format, wait + meanMs.median / 1000 / share] as const);
    const usd = (wait: number) =>
      seconds(wait).map(([format, page]) => [format, (1e6 / pageSize) * usdOfSeconds(page, memoryMb)] as const);
    return {
      memoryMb,
      share,
      fitsBodies: memoryMb >= minimumMb,
      secondsOfPage: Object.fromEntries(seconds(waitSeconds)),
      usdOfMillion: Object.fromEntries(usd(waitSeconds)),
      usdOfMillionFastApi: Object.fromEntries(usd(waitSeconds / FAST_API_FACTOR)),
    };
  });
}

export function settingsTable(cpu: readonly PageCpu[], settings: readonly Setting[]): BenchTable[] {
  const formats = cpu.map(({ format }) => format);
  return [
    {
      head: ['format, 1,000 accounts', 'first page, CPU ms', 'later pages', 'mean of a container'],
      align: 'lrrr',
      rows: cpu.map(({ format, firstMs, laterMs, meanMs }) => [
        format,
        quoteSpread(firstMs, 0),
        quoteSpread(laterMs, 1),
        quoteSpread(meanMs, 1),
      ]),
    },
    {
      head: [
        'memory',
        'vCPU',
        's per JSON page',
        ...formats.map((format) => `${format}, cents`),
        'json, fast API, cents',
        'fits the bodies',
      ],
      align: `rrr${'r'.repeat(formats.length)}rl`,
      rows: settings.map((setting) => [
        `${setting.memoryMb} MB`,
        setting.share.toFixed(2),
        (setting.secondsOfPage.json ?? 0).toFixed(2),
        ...formats.map((format) => ((setting.usdOfMillion[format] ?? 0) * 100).toFixed(2)),
        ((setting.usdOfMillionFastApi.json ?? 0) * 100).toFixed(2),
        setting.fitsBodies ? 'yes' : 'no',
      ]),
    },
  ];
}

export function settingsFindings(cpu: readonly PageCpu[], settings: readonly Setting[]): string[] {
  const fitting = settings.filter(({ fitsBodies }) => fitsBodies);
  const cheapest = [...fitting].sort((a, b) => (a.usdOfMillion.json ?? 0) - (b.usdOfMillion.json ?? 0))[0];
  const perAccount = (format: ExportFormat) => {
    const meanMs = cpu.find((page) => page.format === format)?.meanMs.median ?? 0;
    return `${(meanMs / shareOfCpu(MEMORY_MB.page)).toFixed(0)} µs (${format})`;
  };
  return [
    `As in the cost model, a page waits for the API ${PROBE_SECONDS} s plus ${SECONDS_PER_ACCOUNT * 1000} ms per account; the fast API is ten times faster. Cents are Lambda GB-seconds for a million accounts in pages of 1,000, without loading. With Lambda’s documented shares of a vCPU, CPU time costs the same at any memory up to 1,769 MB, and waiting costs more with more memory. So the smallest setting that fits the bodies is the cheapest: ${cheapest?.memoryMb ?? 'none'} MB. *Export page* has ${MEMORY_MB.page} MB.`,
    `At ${MEMORY_MB.page} MB, an account takes ${perAccount('json')}, ${perAccount('csv')} and ${perAccount('parquet')}; the cost model assumes ${(TRANSFORM_SECONDS_PER_ACCOUNT * 1e6).toFixed(0)} µs.`,
  ];
}
