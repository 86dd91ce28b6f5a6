import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const IMPORTS = 'lint/style/noRestrictedImports';
const GLOBALS = 'lint/style/noRestrictedGlobals';

/** One file per rule: where it is, what it must not contain, and the rule that must report it. */
const OFFENDERS: [rule: string, path: string, code: string][] = [
  [IMPORTS, 'functions/new-room/a.ts', "import '../../infra/app.ts';"],
  [IMPORTS, 'functions/new-room/b.ts', "import '../../cli/main.ts';"],
  [IMPORTS, 'functions/new-room/c.ts', "import '../../simulator/simulator.ts';"],
  [IMPORTS, 'functions/new-room/d.ts', "import '../../test/support/memory-store.ts';"],
  [IMPORTS, 'functions/model/a.ts', "import '../export/ports.ts';"],
  [IMPORTS, 'functions/model/b.ts', "import '../formats/csv.ts';"],
  [IMPORTS, 'functions/model/c.ts', "export * from 'node:fs';"],
  [IMPORTS, 'functions/workflow.ts', "import './export/ports.ts';"],
  [IMPORTS, 'functions/formats/a.ts', "import '../export/page/export-page.ts';"],
  [IMPORTS, 'functions/formats/b.ts', "import 'undici';"],
  [IMPORTS, 'functions/formats/c.ts', "import 'undici/lib/dispatcher/agent.js';"],
  [IMPORTS, 'functions/catalog/a.ts', "import '../export/storage/run-folder.ts';"],
  [IMPORTS, 'functions/catalog/b.ts', "import '@aws-sdk/client-glue';"],
  [IMPORTS, 'functions/personalization/a.ts', "import '../export/source/source.ts';"],
  [IMPORTS, 'functions/personalization/b.ts', "import '@aws-sdk/client-s3';"],
  [IMPORTS, 'functions/aws/a.ts', "import '../export/storage/run-folder.ts';"],
  [IMPORTS, 'functions/runtime/a.ts', "import '../handlers/export-page.ts';"],
  [IMPORTS, 'functions/handlers/a.ts', "import '../aws/s3-object-store.ts';"],
  [IMPORTS, 'functions/handlers/b.ts', "import '@aws-sdk/client-s3';"],
  [IMPORTS, 'functions/export/ports.ts', "import './storage/locks.ts';"],
  [IMPORTS, 'functions/export/storage/a.ts', "import '../source/source.ts';"],
  [IMPORTS, 'functions/export/source/a.ts', "import '../plan/plan-export.ts';"],
  [IMPORTS, 'functions/export/plan/a.ts', "import '../page/export-page.ts';"],
  [IMPORTS, 'functions/export/page/a.ts', "import '../publish/publish-run.ts';"],
  [IMPORTS, 'functions/export/publish/a.ts', "import '../report/report-failure.ts';"],
  [IMPORTS, 'functions/export/report/a.ts', "import '../publish/publish-run.ts';"],
  [IMPORTS, 'functions/export/upkeep/a.ts', "import '../plan/plan-export.ts';"],
  ...['storage', 'source', 'plan', 'page', 'publish', 'report', 'upkeep'].flatMap((room): typeof OFFENDERS => [
    [IMPORTS, `functions/export/${room}/aws.ts`, "import '../../aws/s3-object-store.ts';"],
    [IMPORTS, `functions/export/${room}/api.ts`, "import '../../personalization/accounts-api.ts';"],
    [IMPORTS, `functions/export/${room}/runtime.ts`, "import '../../runtime/environment.ts';"],
    [IMPORTS, `functions/export/${room}/handler.ts`, "import '../../handlers/export-page.ts';"],
    [IMPORTS, `functions/export/${room}/sdk.ts`, "import '@aws-sdk/client-s3';"],
    [IMPORTS, `functions/export/${room}/http.ts`, "await import('undici');"],
    [IMPORTS, `functions/export/${room}/timers.ts`, "import 'node:timers/promises';"],
    [GLOBALS, `functions/export/${room}/env.ts`, 'export const region = process.env.AWS_REGION;'],
    [GLOBALS, `functions/export/${room}/sleep.ts`, 'setTimeout(() => {}, 10);'],
    ['plugin', `functions/export/${room}/now.ts`, 'export const now = Date.now();'],
    ['plugin', `functions/export/${room}/date.ts`, 'export const today = new Date();'],
    ['plugin', `functions/export/${room}/timeout.ts`, 'export const signal = AbortSignal.timeout(10);'],
  ]),
  [IMPORTS, 'infra/a.ts', "import '../cli/main.ts';"],
  [IMPORTS, 'infra/constructs/b.ts', "import '../../simulator/simulator.ts';"],
  [IMPORTS, 'infra/constructs/c.ts', "import '../../test/support/synthesized.ts';"],
  [IMPORTS, 'simulator/a.ts', "import '../cli/main.ts';"],
  [IMPORTS, 'simulator/b.ts', "import '../infra/app.ts';"],
  [IMPORTS, 'cli/a.ts', "import '../infra/app.ts';"],
  [IMPORTS, 'cli/commands/b.ts', "import '../../test/support/local-run.ts';"],
  [IMPORTS, 'cli/local/a.ts', "import '../commands/run.ts';"],
  [IMPORTS, 'cli/tenant/a.ts', "import '../commands/doctor.ts';"],
  [IMPORTS, 'cli/terminal/a.ts', "import '../../infra/app.ts';"],
  [IMPORTS, 'tools/a.ts', "import '../test/support/memory-store.ts';"],
  [IMPORTS, 'tools/docs/a.ts', "import '../../test/support/memory-store.ts';"],
  ['lint/suspicious/noImportCycles', 'bench/first.ts', "import type { B } from './second.ts';\nexport type A = B[];"],
  ['lint/suspicious/noImportCycles', 'bench/second.ts', "import type { A } from './first.ts';\nexport type B = A[];"],
  [
    'lint/complexity/useMaxParams',
    'bench/five.ts',
    'export const sum = (a: number, b: number, c: number, d: number, e: number) => a + b + c + d + e;',
  ],
];

/** Follows every rule; the linter must be silent about these files. */
const ALLOWED: [path: string, code: string][] = [
  ['functions/model/ok.ts', "import 'zod';\nimport './run.ts';"],
  ['functions/export/publish/ok.ts', "import '../../model/run.ts';\nimport '../page/ok.ts';\nimport '../ports.ts';"],
  ['functions/export/source/ok.ts', 'export const due = new Date(1_358_640_000_000);'],
  ['functions/catalog/ok.ts', "import '../export/storage/bucket-layout.ts';"],
  ['cli/commands/ok.ts', "import '../../functions/model/run.ts';\nimport '../../simulator/simulator.ts';"],
  ['bench/four.ts', 'export const sum = (a: number, b: number, c: number, d: number) => a + b + c + d;'],
];

let folder: string;
const reported = new Map<string, string[]>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'layout-'));
  for (const file of ['biome.json', '.gitignore', 'tools/checks/no-clock.grit'])
    await cp(join(ROOT, file), join(folder, file));
  for (const [path, code] of [...OFFENDERS.map(([, path, code]) => [path, code] as const), ...ALLOWED]) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), `${code}\n`);
  }
  const biome = join(ROOT, 'node_modules/.bin/biome');
  const found = await promisify(execFile)(biome, ['lint', '--max-diagnostics=none', '--reporter=json', '.'], {
    cwd: folder,
    maxBuffer: 16 * 1024 ** 2,
  }).catch((failed) => failed);
  for (const { category, location } of JSON.parse(found.stdout).diagnostics)
    reported.set(location.path, [...(reported.get(location.path) ?? []), category]);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test.each(OFFENDERS)('%s reports %s', (rule, path) => {
  expect(reported.get(path)).toEqual([rule]);
});

test.each(ALLOWED)('the layout rules allow %s', (path) => {
  expect(reported.get(path)).toBeUndefined();
});
