/** Fields that vanish and fields that are new, over runs of one export. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXPORT_FORMATS } from '../../functions/model/export-format.ts';
import { type FieldPresence, vanishedFields } from '../../functions/model/field-coverage.ts';
import { ManifestSchema } from '../../functions/model/manifest.ts';
import { type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts';
import { commandLine, temporaryFolder } from '../support/command-line.ts';
import { queryRows } from '../support/query-rows.ts';

async function exported(out: string, runId: string, options: SimulatorOptions, ...flags: string[]) {
  const simulator = await startSimulator({ accounts: 60, nasty: false, ...options });
  try {
    const args = ['run', '--api-url', simulator.url, '--dataset', 'engage', '--page-size', '20', '--out', out];
    const ended = await commandLine([...args, '--run-id', runId, ...flags]);
    expect(ended).toMatchObject({ code: 0 });
    return ended;
  } finally {
    await simulator.close();
  }
}

const manifestPath = (out: string, runId: string) => join(out, `export_runs/run_id=${runId}/manifest.json`);
const manifestIn = async (out: string, runId: string) =>
  ManifestSchema.parse(JSON.parse(await readFile(manifestPath(out, runId), 'utf8')));
const presentIn = (fields: readonly FieldPresence[]) => new Map(fields.map(({ name, present }) => [name, present]));
const WARNING = 'Warning    no account has these fields now; in the last published run, some did:\n';

describe.each(EXPORT_FORMATS)('three runs as %s', (format) => {
  const isCsv = format === 'csv';
  const attribute = (name: string) => (isCsv ? name : `attributes.${name}`);
  const RENAMED = { industry: 'sector', accountStatus: 'state' };

  it('count fields and attributes, and warn of those that vanished', async () => {
    const out = await temporaryFolder();
    const columns = isCsv ? ['--attribute-columns', 'industry,region,employees,annualRevenue,owner,tier'] : [];
    const flags = ['--format', format, ...columns];
    const shape = (attributeShape: SimulatorOptions['attributeShape']) => (isCsv ? {} : { attributeShape });
    const first = await exported(out, 'run-1', shape('flat'), ...flags);
    // The shape of attributes does not change their names.
    const second = await exported(out, 'run-2', shape('mixed'), ...flags);
    const third = await exported(out, 'run-3', { ...shape('objects'), renamed: RENAMED }, ...flags);

    const [one, two, three] = await Promise.all(['run-1', 'run-2', 'run-3'].map((run) => manifestIn(out, run)));
    if (!one || !two || !three) throw new Error('a manifest is missing');
    expect(presentIn(one.fields).get('name')).toBe(60);
    expect(presentIn(one.fields).get(attribute('industry'))).toBe(60);
    expect(two.fields).toEqual(one.fields);
    expect(presentIn(three.fields).get(attribute('sector'))).toBe(60);
    expect(presentIn(three.fields).get(attribute('industry')) ?? 0).toBe(0);

    expect(first.stdout + second.stdout).not.toContain('now; in the last');
    expect(
      vanishedFields(three, two)
        .map(({ name }) => name)
        .sort(),
    ).toEqual([attribute('sector'), 'state'].sort());
    expect(third.stdout).toContain(WARNING);
    const lines = third.stdout.slice(third.stdout.indexOf(WARNING)).split('\n').slice(1, 3);
    expect(lines.map((line) => line.trim()).sort()).toEqual(['accountStatus', attribute('industry')].sort());
    const rows = await queryRows(out, 'SELECT run_id, cardinality(fields) FROM runs ORDER BY run_id');
    expect(rows).toEqual([one, two, three].map(({ runId, fields }) => [runId, fields.length]));
  });
});

describe('the manifest of an earlier version', () => {
  it('has no fields, is read everywhere, and causes no warning', async () => {
    const out = await temporaryFolder();
    await exported(out, 'run-1', {});
    const path = manifestPath(out, 'run-1');
    const { fields, ...earlier } = JSON.parse(await readFile(path, 'utf8')) as { fields: unknown };
    expect(fields).not.toEqual([]);
    await writeFile(path, `${JSON.stringify(earlier)}\n`);

    const { stdout } = await exported(out, 'run-2', { renamed: { industry: 'sector' } });
    expect(stdout).toContain('Published  60 accounts');
    expect(stdout).not.toContain('in the last published run');
    const sql = 'SELECT run_id, fields IS NULL, records FROM runs ORDER BY run_id';
    expect(await queryRows(out, sql)).toEqual([
      ['run-1', true, 60],
      ['run-2', false, 60],
    ]);
    expect(await queryRows(out, "SELECT count(*) FROM accounts_history WHERE run_id = 'run-1'")).toEqual([[60]]);
  });
});

describe('the warning', () => {
  it('goes to stderr with --json', async () => {
    const out = await temporaryFolder();
    await exported(out, 'run-1', {});
    const { stdout, stderr } = await exported(out, 'run-2', { renamed: { industry: 'sector' } }, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ runId: 'run-2' });
    expect(stderr).toContain(`${WARNING}           attributes.industry\n`);
  });

  it('lists ten fields on 80 columns', async () => {
    const out = await temporaryFolder();
    const names = ['industry', 'region', 'employees', 'annualRevenue', 'owner', 'tier'];
    const fields = ['accountStatus', 'totalActions', 'firstActivity', 'lastActivity', 'engagementScore'];
    const long = { industry: `i${'x'.repeat(100)}` };
    await exported(out, 'run-1', { renamed: long });
    const renamed = Object.fromEntries([...names, ...fields].map((name) => [name, `${name}2`]));
    const { stdout } = await exported(out, 'run-2', { renamed });
    const [, warning = ''] = stdout.split(WARNING);
    const lines = warning.slice(0, warning.indexOf('\n  run ')).split('\n');
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)).toBe('           and 1 more');
    expect(lines).toContain(`           attributes.i${'x'.repeat(56)}…`);
    expect(stdout.split('\n').filter((line) => line.length > 80 && !line.includes(out))).toEqual([]);
  });
});
