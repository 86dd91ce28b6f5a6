/** `docs/benchmarks-peers.md` and `docs/benchmarks-peers.json`. */
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import { markdownTable } from '../../tools/docs/markdown.ts';
import type { BenchTable } from '../section.ts';
import { grouped, quoteSpread } from '../spread.ts';
import { CHANGES, type Change } from './compare.ts';
import { FAULT_ACCOUNTS, FAULT_PAGE_SIZE } from './fault-cases.ts';
import type { FaultRun, ValueRun } from './fault-runs.ts';
import { COMPARED, faultFindings, speedFindings } from './findings.ts';
import type { PythonEnvironments } from './python-environments.ts';
import type { ToolRun } from './run-tool.ts';
import type { Speed, SpeedPlan } from './speed.ts';
import { tapConfig } from './tools.ts';

export interface Found {
  /** `YYYY-MM-DD`, UTC. */
  readonly date: string;
  readonly plan: SpeedPlan;
  readonly python: PythonEnvironments;
  readonly speeds: readonly Speed[];
  readonly faults: readonly FaultRun[];
  readonly values: readonly ValueRun[];
  /** Load average of the minute before. */
  readonly loadBefore: number;
  readonly seconds: number;
}

const CHANGE_HEADS: Readonly<Record<Change, string>> = {
  digits: 'number changed',
  gone: 'value missing',
  otherType: 'type changed',
  otherText: 'text changed',
  added: 'value added',
  otherTable: 'nested, in separate tables',
  rewritten: 'same value, other notation',
};

export async function document(found: Found): Promise<string> {
  const { date, plan, python, speeds, faults, values, seconds, loadBefore } = found;
  const { versions } = python;
  const table = ({ head, rows, align }: BenchTable) => markdownTable(head, rows, align);
  const bullets = (sentences: readonly string[]) => sentences.map((sentence) => `- ${sentence}`).join('\n');
  return `# Comparison with other tools

The same simulated API, accounts and machine for Account Export, [dlt](https://dlthub.com/docs) ${versions.dlt} (\`rest_api\` to
\`filesystem\`) and a [Singer](https://github.com/Widen/tap-rest-api-msdk) pair from PyPI: tap-rest-api-msdk
${versions['tap-rest-api-msdk']} (singer-sdk ${versions['singer-sdk']}) and target-jsonl ${versions['target-jsonl']}. \`npm run bench:peers\` writes this page and
\`benchmarks-peers.json\`, and creates the Python environments. The run of ${date} took ${seconds} s on ${machine()},
Node ${process.versions.node}, Python ${python.pythonVersion}. The load of the machine was ${loadBefore.toFixed(1)} before it started; on a busy machine, compare
CPU time rather than wall time.

dlt and Singer are general tools for hundreds of sources and destinations. This page compares one source, of a kind that is
hard for them: no total, no cursor, and no sign of an incomplete response. It says nothing about other sources.

## Time, CPU, memory, requests

${grouped(plan.accounts)} accounts in pages of ${grouped(plan.pageSize)}, without faults. Each run has its own process and its own simulator, and
rounds are interleaved: median (min–max). CPU is user and system time of all processes of a run, without the simulator; memory
is the peak of the largest process.

${table(speedTable(speeds))}

${bullets(speedFindings(speeds))}

## API faults

${grouped(FAULT_ACCOUNTS)} accounts in pages of ${FAULT_PAGE_SIZE}. Faults of a page affect only the fifth; after one that happens once, a retry succeeds. The empty and the short
page are generated as if the tenant had fewer accounts; the other faults are features of the simulator. _Done_ is exit code 0.
_Lost_ accounts existed throughout the run and were not delivered. With the verdict \`drifted\`, Account Export publishes the run
and reports that the data changed. _Written_ counts the records in the files of a failed run; tables show records of Account
Export only after its manifest is written, which this comparison checks.

${table(faultTable(faults))}

${bullets(faultFindings(faults))}
- When the API caps page sizes without an error, Account Export fails and names the page size to use. The others continue, which
  is right when page offsets follow the cap and loses accounts when they do not.

## Values

${grouped(values[0]?.run.comparison.delivered ?? 0)} accounts with values that break exporters: integers of 16 and 19 digits, nested attributes, missing and new fields. Each column
counts accounts with at least one such change, after undoing what the documentation of each tool describes (names, flattened
keys, JSON as text).

${table(valueTable(values))}

- _Other notation_ is \`1.10\` as \`1.1\`, a null left out, and for Account Export a nested attribute as its JSON text, which Athena's
  SerDe needs.
- Without declared columns, dlt gives a column the first type it sees: in a column of doubles, \`9007199254740993\` becomes
  \`9007199254740992.0\`. An empty list has no rows in its separate table, so it is missing.
- With Singer's given schema, the missing values are those of a field that the schema does not name: the tap drops it and logs a
  warning.
- An inferred schema requires the fields that the first 50 accounts have, and the target rejects the first account without one.

## Configuration

**Account Export**: \`account-export run --api-url … --dataset engage --json --page-size N --concurrency 8 --out …\`, gzipped JSON
lines.

**dlt**: gzipped JSON lines, telemetry off, defaults otherwise: five attempts per request, respecting \`Retry-After\`. Pages of one
endpoint are fetched sequentially ([dlt#2844](https://github.com/dlt-hub/dlt/issues/2844)); normalizing in several processes, as
its performance guide recommends, has its own row above.

\`\`\`python
${(await readFile(new URL('dlt_accounts.py', import.meta.url), 'utf8')).trim()}
\`\`\`

**Singer**: \`tap-rest-api-msdk --config tap.json | target-jsonl --config target.json\`, in two environments, with \`pipefail\`. The
target writes plain JSON lines. \`backoff_type\` is not set: with \`header\`, the tap respects \`Retry-After\` but fails on errors
without a response, such as a connection reset.

\`\`\`json
${shownTapConfig(plan.pageSize)}
\`\`\`

## Not compared

- S3 and real networks: every tool writes to a local folder.
- Account Export on AWS, where each page is a Lambda invocation: see \`docs/cost.md\`.
- Resuming a failed run: see \`docs/reliability.md\` for Account Export.
- The simulator shares the machine: it used ${simulatorCpu(speeds)} s of CPU per run, on one core.
`;
}

/** Without the API key, and with short lists on one line. */
function shownTapConfig(pageSize: number): string {
  const withoutKey = (key: string, value: unknown) => (key === 'username' || key === 'password' ? '…' : value);
  return JSON.stringify(tapConfig('http://127.0.0.1:PORT', pageSize, 'given'), withoutKey, 2)
    .replaceAll(/\[\s+((?:"[^"]*",?\s+)+)\]/g, (_, items: string) => `[${items.trim().replaceAll(/\s+/g, ' ')}]`)
    .replaceAll(/\{\s+("type": \[.*\])\s+\}/g, '{ $1 }');
}

function machine(): string {
  return `${os.cpus().length} cores (${os.cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()}`;
}

function simulatorCpu(speeds: readonly Speed[]): string {
  const all = speeds.map(({ simulatorCpuSeconds }) => simulatorCpuSeconds);
  return `${Math.min(...all).toFixed(1)} to ${Math.max(...all).toFixed(1)}`;
}

function speedTable(speeds: readonly Speed[]) {
  return {
    head: [
      'latency',
      'tool',
      'rounds',
      'wall s',
      'CPU s',
      'peak MB',
      'requests',
      'records fetched',
      'written MB',
      'complete',
    ],
    align: 'rlrrrrrrrl',
    rows: speeds.map((speed) => [
      `${speed.latencyMs} ms`,
      speed.tool,
      String(speed.rounds),
      quoteSpread(speed.wallSeconds, 1),
      quoteSpread(speed.cpuSeconds, 1),
      quoteSpread(speed.peakMegabytes, 0),
      grouped(speed.requests),
      grouped(speed.recordsServed),
      speed.deliveredMegabytes.toFixed(1),
      speed.complete ? 'yes' : '**no**',
    ]),
  };
}

function faultTable(runs: readonly FaultRun[]) {
  return {
    head: ['what the API does', ...COMPARED],
    align: 'llll',
    rows: [...new Set(runs.map(({ fault }) => fault.name))].map((name) => [
      name,
      ...COMPARED.map((tool) => {
        const found = runs.find((run) => run.fault.name === name && run.tool === tool);
        return found ? endingText(found) : 'as above';
      }),
    ]),
  };
}

export function endingText({ ending, run }: Pick<FaultRun, 'ending' | 'run'>): string {
  const { lost, duplicated, unknown } = run.comparison;
  const wrong = [
    ...(lost > 0 ? [`lost ${grouped(lost)}`] : []),
    ...(duplicated > 0 ? [`duplicated ${grouped(duplicated)}`] : []),
    ...(unknown > 0 ? [`delivered ${grouped(unknown)} that is not an account`] : []),
  ].join(', ');
  switch (ending) {
    case 'complete':
      return 'done, complete';
    case 'reported':
      return `done, verdict \`drifted\`: ${wrong}`;
    case 'undetected':
      return `**done, and ${wrong}**`;
    case 'failed':
      return `failed, ${leftovers(run)}`;
    case 'timedOut':
      return `still running after ${run.wallSeconds.toFixed(0)} s, ${grouped(run.seen.recordsServed)} records fetched`;
  }
}

/** What a failed run leaves, and whether a manifest publishes it. */
function leftovers({ published, comparison }: ToolRun): string {
  const { delivered } = comparison;
  const records = `${grouped(delivered)} records written`;
  if (published === true) return `**and published**, ${records}`;
  if (published === false) return delivered === 0 ? 'nothing published' : `nothing published, ${records}`;
  return delivered === 0 ? 'nothing written' : records;
}

function valueTable(values: readonly ValueRun[]) {
  const cells = ({ exitCode, comparison }: ToolRun) =>
    exitCode === 0
      ? [grouped(comparison.lost), ...CHANGES.map((change) => grouped(comparison.changes?.[change] ?? 0))]
      : ['failed', ...CHANGES.map(() => '')];
  return {
    head: ['tool', 'accounts lost', ...CHANGES.map((change) => CHANGE_HEADS[change])],
    align: `l${'r'.repeat(CHANGES.length + 1)}`,
    rows: values.map(({ tool, run }) => [tool, ...cells(run)]),
  };
}

export function figures({ date, plan, python, speeds, faults, values, seconds, loadBefore }: Found): object {
  const { accounts, pageSize } = plan;
  return {
    machine: {
      cores: os.cpus().length,
      cpu: os.cpus()[0]?.model.trim(),
      memoryBytes: os.totalmem(),
      system: os.type(),
      date,
    },
    versions: { node: process.versions.node, python: python.pythonVersion, ...python.versions },
    loadBefore,
    seconds,
    speed: { accounts, pageSize, runs: speeds },
    faults: faults.map(({ fault, tool, ending, run }) => {
      const { exitCode, wallSeconds, seen, comparison, published, verdict } = run;
      const { requests, recordsServed } = seen;
      return {
        fault: fault.name,
        tool,
        ending,
        exitCode,
        published,
        verdict,
        wallSeconds,
        requests,
        recordsServed,
        comparison,
      };
    }),
    values: values.map(({ tool, run }) => ({ tool, exitCode: run.exitCode, ...run.comparison })),
  };
}
