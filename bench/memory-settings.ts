/** What pages cost with more or less of Lambda's memory, which is more or less of a processor, too. */
import { MEMORY_MB, SECONDS_PER_ACCOUNT, TRANSFORM_SECONDS_PER_ACCOUNT } from '../functions/export/plan/estimate.ts';
import { shareOfCpu, usdOfSeconds } from './lambda-price.ts';
import type { Format } from './pages.ts';
import type { BenchTable, Spread } from './section.ts';
import { quoteSpread } from './spread.ts';

const SETTINGS_MB = [256, 512, 768, 1024, 1769, 2048, 3008] as const;
/** What a page of so many accounts waits for the API: as the cost model assumes, and for one that is ten times as fast. */
const PROBE_SECONDS = 0.2;
const FASTER = 10;

/** The processor's time of a page. */
export interface PageCpu {
  readonly format: Format;
  /** Of a fresh process: nothing is compiled yet. */
  readonly firstMs: Spread;
  readonly laterMs: Spread;
  /** Over all pages of a container. */
  readonly meanMs: Spread;
}

export interface Setting {
  readonly memoryMb: number;
  readonly share: number;
  /** Those that were tried, with something to spare. */
  readonly bearsBodies: boolean;
  /** By format. */
  readonly secondsOfPage: Readonly<Record<string, number>>;
  readonly usdOfMillion: Readonly<Record<string, number>>;
  readonly usdOfMillionFastApi: Readonly<Record<string, number>>;
}

/**
 * Waiting takes as long with any processor; working does not.
 * @param leastMb what the bodies that were tried need
 */
export function settingsOf(cpu: readonly PageCpu[], pageSize: number, leastMb: number): Setting[] {
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
      bearsBodies: memoryMb >= leastMb,
      secondsOfPage: Object.fromEntries(seconds(waitSeconds)),
      usdOfMillion: Object.fromEntries(usd(waitSeconds)),
      usdOfMillionFastApi: Object.fromEntries(usd(waitSeconds / FASTER)),
    };
  });
}

export function settingsTable(cpu: readonly PageCpu[], settings: readonly Setting[]): BenchTable[] {
  const formats = cpu.map(({ format }) => format);
  return [
    {
      head: ['format, 1,000 accounts', 'first page, ms of CPU', 'later pages', 'mean of a container'],
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
        'of a processor',
        's a page of JSON',
        ...formats.map((format) => `${format}, cents`),
        'json, fast API, cents',
        'bears the bodies',
      ],
      align: `rrr${'r'.repeat(formats.length)}rl`,
      rows: settings.map((setting) => [
        `${setting.memoryMb} MB`,
        setting.share.toFixed(2),
        (setting.secondsOfPage.json ?? 0).toFixed(2),
        ...formats.map((format) => ((setting.usdOfMillion[format] ?? 0) * 100).toFixed(2)),
        ((setting.usdOfMillionFastApi.json ?? 0) * 100).toFixed(2),
        setting.bearsBodies ? 'yes' : 'no',
      ]),
    },
  ];
}

export function settingsFindings(cpu: readonly PageCpu[], settings: readonly Setting[]): string[] {
  const bearing = settings.filter(({ bearsBodies }) => bearsBodies);
  const cheapest = [...bearing].sort((a, b) => (a.usdOfMillion.json ?? 0) - (b.usdOfMillion.json ?? 0))[0];
  const perAccount = (format: Format) => {
    const meanMs = cpu.find((page) => page.format === format)?.meanMs.median ?? 0;
    return `${(meanMs / shareOfCpu(MEMORY_MB.page)).toFixed(0)} µs (${format})`;
  };
  return [
    `A page waits for the API ${PROBE_SECONDS} s and ${SECONDS_PER_ACCOUNT * 1000} ms for each account, as the cost model assumes; the fast API is ten times as fast. Cents are those of a million accounts in pages of 1,000, GB-seconds alone. By Lambda’s shares of a processor, which are not measured here, working costs the same with any memory up to 1,769 MB, where its time shrinks as the price grows; waiting costs more with more. So the least memory is the cheapest: of those that bear the bodies, ${cheapest?.memoryMb ?? 'none'} MB. *Export page* has ${MEMORY_MB.page} MB. Loading, once for each container, is left out.`,
    `With its ${MEMORY_MB.page} MB, an account takes ${perAccount('json')}, ${perAccount('csv')} and ${perAccount('parquet')}; the cost model reckons with ${(TRANSFORM_SECONDS_PER_ACCOUNT * 1e6).toFixed(0)} µs.`,
  ];
}
