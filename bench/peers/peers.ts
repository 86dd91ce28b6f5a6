/** Time, CPU, memory and requests of a whole run, next to dlt and a Singer tap. */
import { measureTools, PAGE_SIZE, type ToolRow } from '../run.ts';
import { grouped, listed, other, own, quoted, type Section, tableOf } from '../section.ts';
import { accountExport, OWN, preparePeers } from './tools.ts';

interface PeerRow extends ToolRow {
  readonly version: string;
}

const SEQUENTIAL = `${OWN}, one by one`;

export const section: Section<PeerRow> = {
  question: 'How does a run compare with dlt and Singer?',

  async measure(quick) {
    const { dlt, singer, versions } = await preparePeers();
    const concurrent = { tool: accountExport(), folder: 'own' };
    const sequential = {
      tool: accountExport(['--concurrency', '1'], SEQUENTIAL),
      folder: 'sequential',
      once: true,
    };
    const tools = [concurrent, { tool: dlt, folder: 'dlt' }, { tool: singer, folder: 'singer' }];
    const cases = quick
      ? [{ accounts: 5_000, latencyMs: 50, rounds: 1, tools }]
      : [
          { accounts: 100_000, latencyMs: 200, rounds: 2, tools: [...tools, sequential] },
          { accounts: 100_000, latencyMs: 0, rounds: 3, tools },
        ];
    const named = { [dlt.name]: `dlt ${versions.dlt}`, [singer.name]: singerVersions(versions) };
    const rows: PeerRow[] = [];
    for (const one of cases) {
      for (const row of await measureTools(one)) rows.push({ ...row, version: named[row.tool] ?? '' });
    }
    return rows;
  },

  describe(rows) {
    const [first] = rows;
    if (!first) throw new Error('Nothing was measured.');
    const shown = rows.filter(({ latencyMs }) => latencyMs === first.latencyMs);
    const panel = (title: string, figure: (row: PeerRow) => number, digits: number) => ({
      title,
      bars: shown.map((row) =>
        (row.tool.startsWith(OWN) ? own : other)(row.tool, figure(row), grouped(figure(row), digits)),
      ),
    });
    const each = (quote: (row: PeerRow) => string) =>
      listed(shown.filter(({ tool }) => tool !== SEQUENTIAL).map((row) => `${row.tool} ${quote(row)}`));
    const versions = [...new Set(rows.map(({ version }) => version).filter((version) => version !== ''))];
    return {
      answer: `${grouped(first.accounts)} accounts at ${first.latencyMs} ms per response: ${each(({ seconds }) => `${seconds[0].toFixed(1)} s`)}; CPU time: ${each(({ cpuSeconds }) => `${cpuSeconds[0].toFixed(1)} s`)}; memory: ${each(({ peakMb }) => `${peakMb[0].toFixed(0)} MB`)}.`,
      about: `The same simulated API, accounts and machine for Account Export, dlt (\`rest_api\` to \`filesystem\`, attributes as JSON) and a Singer tap with a target: ${listed(versions)}, [configured](../bench/peers/tools.ts) as their documentation says. Pages of ${grouped(PAGE_SIZE)}, local files, each run in its own processes, in turn with the others; every run delivered every account once. dlt fetches the pages of one endpoint one by one ([dlt#2844](https://github.com/dlt-hub/dlt/issues/2844)), and so does the tap; *one by one* is Account Export with \`--concurrency 1\`. Account Export sends more requests because it counts before and after the pages and checks page boundaries. The target of Singer writes plain JSON, the others gzip. dlt and Singer are general tools for hundreds of sources; this is one source of a kind that is hard for them, and says nothing about others.`,
      chart: [
        panel(`seconds at ${first.latencyMs} ms per response`, ({ seconds }) => seconds[0], 1),
        panel('CPU seconds', ({ cpuSeconds }) => cpuSeconds[0], 1),
        panel('peak memory of the largest process, MB', ({ peakMb }) => peakMb[0], 0),
        panel('requests', ({ requests }) => requests, 0),
      ],
      table: tableOf(rows, {
        latency: ({ latencyMs }) => `${latencyMs} ms`,
        tool: ({ tool }) => tool,
        seconds: (row) => quoted(row.seconds, 1),
        'CPU s': (row) => quoted(row.cpuSeconds, 1),
        'peak, MB': (row) => quoted(row.peakMb, 0),
        requests: (row) => grouped(row.requests),
        records: (row) => grouped(row.records),
        'written, MB': (row) => row.writtenMb.toFixed(1),
      }),
    };
  },
};

function singerVersions(versions: Readonly<Record<string, string>>): string {
  return ['tap-rest-api-msdk', 'target-jsonl'].map((name) => `${name} ${versions[name]}`).join(' with ');
}
