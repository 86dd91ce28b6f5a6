/** `docs/benchmarks-peers.md`, whole, and the same figures for machines. */
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import { CHANGES, type Change } from './compare.ts';
import { COMPARED, speedFindings, troubleFindings } from './findings.ts';
import { count, markdownTable, spreadText } from './markdown.ts';
import type { PythonEnvironments } from './python-environments.ts';
import type { ToolRun } from './run-tool.ts';
import type { Speed, SpeedPlan } from './speed.ts';
import { tapConfig } from './tools.ts';
import type { TroubleRun, ValueRun } from './trouble-runs.ts';
import { TROUBLE_ACCOUNTS, TROUBLE_PAGE_SIZE } from './troubles.ts';

export interface Found {
  /** On which it began: `YYYY-MM-DD`, UTC. */
  readonly date: string;
  readonly plan: SpeedPlan;
  readonly python: PythonEnvironments;
  readonly speeds: readonly Speed[];
  readonly troubles: readonly TroubleRun[];
  readonly values: readonly ValueRun[];
  /** Of the minute before it began: other work on the machine makes wall times longer. */
  readonly loadBefore: number;
  readonly seconds: number;
}

const CHANGE_HEADS: Readonly<Record<Change, string>> = {
  digits: 'a number is another',
  gone: 'a value is gone',
  otherType: 'another type',
  otherText: 'another text',
  added: 'a value was added',
  otherTable: 'nested, in tables of their own',
  rewritten: 'the same, written otherwise',
};

export async function document(found: Found): Promise<string> {
  const { date, plan, python, speeds, troubles, values, seconds, loadBefore } = found;
  const { versions } = python;
  const bullets = (sentences: readonly string[]) => sentences.map((sentence) => `- ${sentence}`).join('\n');
  return `# Beside others

The same simulated API, the same accounts and the same machine, exported by Account Export, by
[dlt](https://dlthub.com/docs) ${versions.dlt} (\`rest_api\` to \`filesystem\`) and by a
[Singer](https://github.com/Widen/tap-rest-api-msdk) pair from PyPI: tap-rest-api-msdk ${versions['tap-rest-api-msdk']} (on
singer-sdk ${versions['singer-sdk']}) into target-jsonl ${versions['target-jsonl']}. This page and \`benchmarks-peers.json\` are
written by \`npm run bench:peers\`, which makes the Python environments itself; sentences with figures are made from the
figures. Its last run, of ${date}, took ${seconds} s on ${machine()}, Node ${process.versions.node}, Python ${python.pythonVersion}. Before
it began, the machine's load was ${loadBefore.toFixed(1)}; on one with other work to do, CPU says more than wall time.

dlt and Singer are general tools that know hundreds of sources and destinations, and this is one source, of a kind that is hard
for them: no total, no cursor, nothing that tells a whole answer from half of one. What follows says nothing about the others.

## Time, CPU, memory, requests

${count(plan.accounts)} accounts in pages of ${count(plan.pageSize)}, nothing the matter. Each run is a process of its own
against a simulator of its own, and rounds are interleaved: median (min–max). CPU is user and system time of all processes of a
run, without the simulator's; memory is the peak of the largest process.

${markdownTable(speedTable(speeds))}

${bullets(speedFindings(speeds))}

## With the API in trouble

${count(TROUBLE_ACCOUNTS)} accounts in pages of ${TROUBLE_PAGE_SIZE}. The fifth page is struck, and requests for it alone; a
tool that tries again is served the next time. The empty and the short page in the middle are answers as if the tenant ended there,
made by this benchmark; the rest are faults and settings of the simulator. _Done_ is exit code 0. _Lost_ are accounts that were there throughout and were not
delivered. Where a manifest says \`drifted\`, an export is published and its reader is told that the source moved. Of a run that
failed, _written_ are the records that lie in its files; of Account Export’s, tables show none before there is a manifest,
which is looked for.

${markdownTable(troubleTable(troubles))}

${bullets(troubleFindings(troubles))}
- Page sizes that are capped in silence: Account Export refuses them and names the size that works; the others go on reading,
  which is right where the cap moves the pages too, and loses accounts where it does not.

## What becomes of values

${count(values[0]?.run.comparison.delivered ?? 0)} accounts with what breaks exporters: integers of 16 and 19 digits, nested
attributes, fields that are missing or new. Counted are accounts with at least one such change, after undoing what each tool's
documentation describes (other names, flattened keys, JSON as text).

${markdownTable(valueTable(values))}

- _Written otherwise_ is \`1.10\` as \`1.1\`, a null left out, and for Account Export a nested attribute as its JSON text, which
  Athena's SerDe needs.
- With nothing declared, dlt gives a column the type it meets first: \`9007199254740993\` in a column of doubles is
  \`9007199254740992.0\` from then on. An empty list has no rows in a table of its own, so it is gone.
- What is gone with Singer's schema is the field that the schema does not name: the tap leaves it out and logs a warning.
- With an inferred schema, a field that the first 50 accounts all have is required, and the target refuses the first account without.

## How each was set up

**Account Export**: \`account-export run --api-url … --dataset engage --json --page-size N --concurrency 8 --out …\`, gzipped JSON
lines.

**dlt**: gzipped JSON lines, telemetry off, all else as it comes: five tries of a request, \`Retry-After\` obeyed. Pages of one
endpoint are fetched one after the other ([dlt#2844](https://github.com/dlt-hub/dlt/issues/2844)); what its guide to performance
offers beyond that is to normalise in several processes, which is a row of its own above.

\`\`\`python
${(await readFile(new URL('dlt_accounts.py', import.meta.url), 'utf8')).trim()}
\`\`\`

**Singer**: \`tap-rest-api-msdk --config tap.json | target-jsonl --config target.json\`, in two environments, with \`pipefail\`: a
failure of either is one of the whole. The target writes plain JSON lines. \`backoff_type\` is left out: set to \`header\`, the tap
obeys \`Retry-After\`, and fails at an error that has no answer, such as a connection that was reset.

\`\`\`json
${shownTapConfig(plan.pageSize)}
\`\`\`

## What this does not show

- S3: every tool writes to a local folder. A network other than this machine's own.
- Account Export on AWS, where pages are Lambda invocations: \`docs/cost.md\` tells what that costs.
- A state to go on from: none of the others is asked to resume. Account Export is, in \`docs/reliability.md\`.
- The simulator shares the machine: it took ${simulatorCpu(speeds)} s of CPU for each export, of one core.
`;
}

/** Without the key, and with types and short lists on one line. */
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
      spreadText(speed.wallSeconds, 1),
      spreadText(speed.cpuSeconds, 1),
      spreadText(speed.peakMegabytes, 0),
      count(speed.requests),
      count(speed.recordsServed),
      speed.deliveredMegabytes.toFixed(1),
      speed.complete ? 'yes' : '**no**',
    ]),
  };
}

function troubleTable(runs: readonly TroubleRun[]) {
  return {
    head: ['what the API does', ...COMPARED],
    align: 'llll',
    rows: [...new Set(runs.map(({ trouble }) => trouble.name))].map((name) => [
      name,
      ...COMPARED.map((tool) => {
        const found = runs.find((run) => run.trouble.name === name && run.tool === tool);
        return found ? endingText(found) : 'as above';
      }),
    ]),
  };
}

export function endingText({ ending, run }: Pick<TroubleRun, 'ending' | 'run'>): string {
  const { lost, doubled, unknown } = run.comparison;
  const wrong = [
    ...(lost > 0 ? [`lost ${count(lost)}`] : []),
    ...(doubled > 0 ? [`doubled ${count(doubled)}`] : []),
    ...(unknown > 0 ? [`delivered ${count(unknown)} that is no account`] : []),
  ].join(', ');
  switch (ending) {
    case 'complete':
      return 'done, complete';
    case 'told':
      return `done, says \`drifted\`: ${wrong}`;
    case 'silent':
      return `**done, and ${wrong}**`;
    case 'failed':
      return `failed, ${leftBy(run)}`;
    case 'endless':
      return `not ended after ${run.wallSeconds.toFixed(0)} s, ${count(run.seen.recordsServed)} records fetched`;
  }
}

/** What lies there of a run that failed, and whether a manifest publishes it, where one is looked for. */
function leftBy({ published, comparison }: ToolRun): string {
  const { delivered } = comparison;
  const records = `${count(delivered)} records written`;
  if (published === true) return `**and published**, ${records}`;
  if (published === false) return delivered === 0 ? 'nothing published' : `nothing published, ${records}`;
  return delivered === 0 ? 'nothing written' : records;
}

function valueTable(values: readonly ValueRun[]) {
  const cells = ({ exitCode, comparison }: ToolRun) =>
    exitCode === 0
      ? [count(comparison.lost), ...CHANGES.map((change) => count(comparison.changes?.[change] ?? 0))]
      : ['failed', ...CHANGES.map(() => '')];
  return {
    head: ['tool', 'accounts lost', ...CHANGES.map((change) => CHANGE_HEADS[change])],
    align: `l${'r'.repeat(CHANGES.length + 1)}`,
    rows: values.map(({ tool, run }) => [tool, ...cells(run)]),
  };
}

export function figures({ date, plan, python, speeds, troubles, values, seconds, loadBefore }: Found): object {
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
    troubles: troubles.map(({ trouble, tool, ending, run }) => {
      const { exitCode, wallSeconds, seen, comparison, published, verdict } = run;
      const { requests, recordsServed } = seen;
      return {
        trouble: trouble.name,
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
