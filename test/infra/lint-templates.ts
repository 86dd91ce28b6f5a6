/**
 * `npm run lint:templates`: cfn-lint in every region, and checkov, on the template of every variant of the stack. Prints one line
 * per variant and finding. Exits with 1 for a finding that is not answered, and with 2 without the two programs.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { REGIONS_WITHOUT_BUDGETS } from '../../infra/budget-regions.ts';
import { CONFIG, synthesized } from '../support/synthesized.ts';
import { CONFIGURATIONS } from './configured-stack.ts';

const run = promisify(execFile);

/** The versions that were tried, both from PyPI. Others work as long as their output has the same form. */
const PROGRAMS = { 'cfn-lint': '1.58.0', checkov: '3.3.30' } as const;

const SCHEDULED = CONFIGURATIONS['the default'];
const ON = (schedule: string, more: object = {}) => ({
  ...SCHEDULED,
  exports: [{ name: 'all-accounts', datasetId: 'engage', schedule, ...more }],
});

/** The configurations of the tests, and those that differ from them in properties that a linter checks. */
const VARIANTS: Readonly<Record<string, object>> = {
  ...CONFIGURATIONS,
  'no schedule': {},
  'a rate in a flexible window': ON('rate(1 hour)', { flexibleMinutes: 15 }),
  'a disabled schedule': ON('cron(0 6 * * ? *)', { scheduleEnabled: false }),
  'a time in a time zone': ON('at(2099-12-24T18:00:00)', { timeZone: 'Europe/Berlin' }),
  'a customer key in a fixed network': { ...CONFIGURATIONS['a customer key'], network: { fixedEgressIp: true } },
  'chosen zones': { network: { fixedEgressIp: true, availabilityZones: ['us-east-1a', 'us-east-1b'] } },
  'a budget': { ...SCHEDULED, monthlyBudgetUsd: 20 },
  'data deleted with the stack': { ...SCHEDULED, deleteDataWithStack: true },
  'another name': { ...SCHEDULED, stackName: 'AccountExport-acme' },
  'forty exports': {
    exports: Array.from({ length: 40 }, (_, i) => ({
      ...CONFIG.exports[0],
      name: `export-${i}`,
      schedule: 'rate(1 day)',
    })),
  },
};

interface Finding {
  readonly variant: string;
  readonly program: keyof typeof PROGRAMS;
  readonly id: string;
  readonly where: string;
  readonly text: string;
}

async function main(): Promise<number> {
  const missing = await missingPrograms();
  if (missing.length > 0) {
    const packages = Object.entries(PROGRAMS).map(([name, version]) => `${name}==${version}`);
    process.stderr.write(
      `error: Missing ${missing.join(' and ')}: install with "python3 -m venv VENV && VENV/bin/pip install ${packages.join(' ')}" outside the project, and add VENV/bin to PATH.\n`,
    );
    return 2;
  }
  const folder = mkdtempSync(join(tmpdir(), 'account-export-templates-'));
  try {
    for (const [variant, config] of Object.entries(VARIANTS)) {
      const template = synthesized(config, { allowDataDeletion: true });
      writeFileSync(join(folder, `${variant}${ENDING}`), JSON.stringify(template.toJSON()));
    }
    return report([...(await cfnLint(folder)), ...(await checkov(folder))]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const ENDING = '.template.json';

/** Prints the findings. @returns the exit code */
function report(findings: readonly Finding[]): number {
  const answers = answeredFindings();
  const isOpen = ({ id }: Finding) => !answers.has(id);
  for (const variant of Object.keys(VARIANTS)) {
    const own = findings.filter((finding) => finding.variant === variant);
    const open = own.filter(isOpen).length;
    print(`${variant}: ${open} open, ${own.length - open} answered in docs/security.md`);
    for (const finding of own) {
      const { program, id, where, text } = finding;
      print(`  ${program} ${id} at ${where}: ${text}${isOpen(finding) ? '' : ' (answered)'}`);
    }
  }
  const stale = [...answers].filter((answer) => findings.every(({ id }) => id !== answer));
  if (stale.length > 0) print(`Answered in docs/security.md, but found in no template: ${stale.join(', ')}`);
  const open = findings.filter(isOpen).length;
  print(`${Object.keys(VARIANTS).length} variants: ${open} open findings, ${findings.length - open} answered`);
  return open + stale.length > 0 ? 1 : 0;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function missingPrograms(): Promise<string[]> {
  const missing: string[] = [];
  for (const program of Object.keys(PROGRAMS)) {
    try {
      const { stdout } = await run(program, ['--version']);
      print(`${program}: ${stdout.trim()}`);
    } catch {
      missing.push(program);
    }
  }
  return missing;
}

/** The rows of the table in `docs/security.md`. */
function answeredFindings(): ReadonlySet<string> {
  const text = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
  return new Set([...text.matchAll(/^\| `(CKV\w+)` \|/gm)].map(([, id = '']) => id));
}

interface CfnLintMatch {
  readonly Filename: string;
  readonly Rule: { readonly Id: string };
  readonly Message: string;
  readonly Location: { readonly Path?: readonly (string | number)[] };
}

const NO_BUDGET = /'AWS::Budgets::Budget' does not exist in '([a-z0-9-]+)'/;

/** cfn-lint with all of its regions. That budgets are missing in some is no finding: `parseStackConfig` refuses them there. */
async function cfnLint(folder: string): Promise<Finding[]> {
  // W3005: CDK makes each function depend on its role, and on the role's policies, although it refers to the role.
  // W3010: `availabilityZones` names zones, because somebody chose them.
  const args = [
    '--format',
    'json',
    '--regions',
    'ALL_REGIONS',
    '--ignore-checks',
    'W3005',
    'W3010',
    '--',
    `${folder}/*${ENDING}`,
  ];
  const matches = await jsonOf<CfnLintMatch[]>('cfn-lint', args);
  const withoutBudgets = new Set(matches.flatMap(({ Message }) => NO_BUDGET.exec(Message)?.[1] ?? []));
  const stale = [...REGIONS_WITHOUT_BUDGETS].filter((region) => !withoutBudgets.has(region));
  return [
    ...matches
      .filter(({ Message }) => !REGIONS_WITHOUT_BUDGETS.has(NO_BUDGET.exec(Message)?.[1] ?? ''))
      .map(({ Filename, Rule, Message, Location: { Path = [] } }) => ({
        variant: basename(Filename, ENDING),
        program: 'cfn-lint' as const,
        id: Rule.Id,
        where: Path.slice(1, 4).join('/'),
        text: Message.split('\n')[0] ?? '',
      })),
    ...stale.map((region) => ({
      variant: 'a budget',
      program: 'cfn-lint' as const,
      id: 'REGIONS_WITHOUT_BUDGETS',
      where: 'infra/budget-regions.ts',
      text: `${region} has budgets now: remove it from the list`,
    })),
  ];
}

interface CheckovReport {
  readonly results?: {
    readonly failed_checks: readonly {
      readonly check_id: string;
      readonly check_name: string;
      readonly resource: string;
      readonly file_path: string;
    }[];
  };
}

async function checkov(folder: string): Promise<Finding[]> {
  const args = ['--framework', 'cloudformation', '--directory', folder, '--output', 'json', '--compact', '--quiet'];
  // It downloads no policies of its vendor.
  const { results } = await jsonOf<CheckovReport>('checkov', [...args, '--skip-download']);
  if (!results) throw new Error('checkov has no results: run it by hand.');
  return results.failed_checks.map(({ check_id, check_name, resource, file_path }) => ({
    variant: basename(file_path, ENDING),
    program: 'checkov' as const,
    id: check_id,
    where: resource.replace(/^AWS::/, ''),
    text: check_name,
  }));
}

/** Both programs exit with a code other than 0 when they find something. */
async function jsonOf<T>(program: string, args: readonly string[]): Promise<T> {
  const { stdout, stderr } = await run(program, [...args], { maxBuffer: 256 * 1024 * 1024 }).catch(
    (error: { stdout?: string; stderr?: string }) => ({ stdout: error.stdout ?? '', stderr: error.stderr ?? '' }),
  );
  try {
    return JSON.parse(stdout) as T;
  } catch {
    throw new Error(`${program} did not print JSON: ${(stderr || stdout).trim().split('\n').at(-1) ?? ''}`);
  }
}

process.exitCode = await main();
