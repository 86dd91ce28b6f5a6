/** `docs/operations.md` matches the code: tests parse its inputs, compare its events with real ones, and look up its commands. */
import { readdirSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { parseRequest, resolveRequest } from '../../functions/export/plan/resolve-request.ts';
import { PERMANENT_ERRORS, TRANSIENT_ERRORS } from '../../functions/model/errors.ts';
import { parseApiKeySecret } from '../../functions/personalization/credentials.ts';
import { EVENT_SOURCE, EVENT_TYPES, exportWorkflow } from '../../functions/workflow.ts';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { synthesized } from '../support/synthesized.ts';
import { failedDetail, publishedDetail, skippedDetail } from './event-details.ts';
import { jsonExamples, page, tableBelow } from './page.ts';

const PAGE = page('operations');
const PAGES = { configuration: page('configuration'), cost: page('cost'), operations: PAGE };
const STARTED = '2026-08-22T04:00:00.000Z';
const CONFIG = parseStackConfig({
  accountName: 'acme',
  instance: 'us-5',
  exports: [
    { name: 'all-accounts', datasetId: 'engage' },
    { name: 'emea', datasetId: 'engage' },
  ],
});

interface Event {
  readonly source: string;
  readonly 'detail-type': string;
  readonly detail: Record<string, unknown>;
}

/** Checks an input as *Plan export* does. */
function accept(input: unknown): void {
  const request = parseRequest(input);
  if (request.resume !== undefined || request.publish !== undefined) return;
  // `{}` is valid for stacks with one export.
  const exports = Object.keys(request).length === 0 ? CONFIG.exports.slice(0, 1) : CONFIG.exports;
  resolveRequest(request, exports, STARTED);
}

const shell = PAGE.examples
  .filter(({ language }) => language === 'sh')
  .flatMap(({ text }) => text.replaceAll('\\\n', ' ').trim().split('\n'));

describe('the inputs', () => {
  it.each(jsonExamples(PAGE, 'request').map((input) => [input]))('are valid: %j', accept);

  const inline = PAGE.codes.filter((code) => /^\{.*\}$/.test(code));
  it.each(inline)('in the text are valid: %s', (code) => accept(JSON.parse(code)));

  // Double quotes, and escaped ones inside, are read alike by a shell, by cmd.exe, and as a JSON string.
  const inputs = shell.flatMap((line) => /(?<=--input ).*/.exec(line) ?? []);
  it.each(inputs)('in commands are valid, also in cmd.exe: %s', (input) => {
    expect(input).toMatch(/^"(\\"|[^"'\\])*"$/);
    accept(JSON.parse(JSON.parse(input) as string));
  });

  it('backfill with a window before the due time and with fixed dates', () => {
    const [window, fixed] = jsonExamples(PAGE, 'request')
      .filter((input) => 'dueAt' in (input as object))
      .map((input) => resolveRequest(parseRequest(input), CONFIG.exports, STARTED));
    expect(window).toMatchObject({
      exportDate: '2026-08-07',
      parameters: { start: Date.parse('2026-07-31T04:00:00Z'), end: Date.parse('2026-08-07T04:00:00Z') },
    });
    expect(fixed).toMatchObject({
      exportDate: '2026-07-01',
      parameters: { start: Date.parse('2026-06-01'), end: Date.parse('2026-07-01') },
    });
  });

  it('contain a key that the functions can read', () => {
    const [key] = jsonExamples(PAGE, 'key');
    expect(parseApiKeySecret(JSON.stringify(key), 'the page')).toEqual(key);
  });
});

describe('the errors', () => {
  it('are all described', () => {
    const described = tableBelow(PAGE, '## A run failed').map(([name = '']) => name.slice(1, -1));
    expect(described).toEqual([...TRANSIENT_ERRORS, ...PERMANENT_ERRORS]);
  });
});

/** Values that differ from run to run, and sentences, whose wording is no contract. */
const VARYING = ['bytes', 'seconds', 'pagesDone', 'message', 'reason'] as const;

describe('the events', () => {
  const documented = (kind: string) => (jsonExamples(PAGE, kind) as Event[])[0] as Event;

  it.each([
    ['published', publishedDetail, '### Export run published'],
    ['skipped', skippedDetail, '### Export run skipped'],
    ['failed', failedDetail, '### Export run failed'],
  ] as const)(
    '%s have the keys and values of a real run, and each key is described',
    async (kind, makeDetail, heading) => {
      const { source, detail, ...envelope } = documented(kind);
      expect({ source, ...envelope }).toEqual({ source: EVENT_SOURCE, 'detail-type': EVENT_TYPES[kind] });
      const real: Record<string, unknown> = { ...(await makeDetail()) };
      for (const key of VARYING) {
        expect(typeof detail[key]).toBe(typeof real[key]);
        if (key in real) real[key] = detail[key];
      }
      expect(detail).toEqual(real);
      const described = tableBelow(PAGE, heading).flatMap(([keys = '']) =>
        [...keys.matchAll(/`(\w+)`/g)].map(([, key]) => key),
      );
      expect(described.toSorted()).toEqual(Object.keys(real).toSorted());
    },
  );

  it('are those that the workflow sends', () => {
    const { States } = exportWorkflow({
      resources: { planExport: 'p', exportPage: 'e', publishRun: 'u', reportFailure: 'r' },
      concurrency: 1,
      topicArn: 't',
    });
    const sent = Object.values(States).flatMap((state) => {
      const { Parameters } = state as { Parameters?: { Entries?: Record<string, string>[] } };
      return Parameters?.Entries ?? [];
    });
    expect(sent.map(({ DetailType, ...entry }) => [DetailType, entry['Detail.$']])).toEqual([
      ['Export run skipped', '$'],
      ['Export run published', '$'],
      ['Export run failed', '$.event'],
    ]);
  });

  it('match the example rule only for consistent runs of its export', () => {
    const [pattern] = jsonExamples(PAGE, 'pattern');
    const { detail, ...published } = documented('published');
    const matched = (event: unknown) => matches(pattern, event);
    expect(matched({ ...published, detail })).toBe(true);
    expect(matched({ ...published, detail: { ...detail, verdict: 'drifted' } })).toBe(false);
    expect(matched({ ...published, detail: { ...detail, exportName: 'emea' } })).toBe(false);
    expect(matched(documented('failed'))).toBe(false);
    expect(matched(documented('skipped'))).toBe(false);
  });
});

/** Matches as EventBridge does, for lists of values and objects of them. */
function matches(pattern: unknown, event: unknown): boolean {
  if (Array.isArray(pattern)) return pattern.includes(event);
  return Object.entries(pattern as object).every(([key, value]) =>
    matches(value, (event as Record<string, unknown>)[key]),
  );
}

describe('the commands', async () => {
  const folder = new URL('../../cli/commands/', import.meta.url);
  const modules = await Promise.all(
    readdirSync(folder).map((file) => import(new URL(file, folder).href) as Promise<Record<string, unknown>>),
  );
  const commands = modules.flatMap((module) =>
    Object.entries(module)
      .filter(([name, made]) => name.endsWith('Command') && typeof made === 'function')
      .map(([, make]) => (make as () => Command)()),
  );

  const lines = Object.values(PAGES).flatMap(({ text }) =>
    [...text.replaceAll('\\\n', ' ').matchAll(/account-export -- (\S+)([^`\n]*)/g)].map(
      ([, name = '', rest = '']) => [name, rest] as const,
    ),
  );
  // Commands in inline code, such as `start EXPORT --dry-run`.
  const inProse = Object.values(PAGES).flatMap(({ codes }) =>
    codes.flatMap((code) => {
      const [, name, rest] = /^(start|runs|status|resume|publish|run)\b(.*--.*)$/.exec(code) ?? [];
      return name === undefined || rest === undefined ? [] : [[name, rest] as const];
    }),
  );

  it('are found by this test', () => {
    const names = lines.map(([name]) => name);
    expect(names).toEqual(expect.arrayContaining(['start', 'runs', 'status', 'resume', 'publish']));
    expect(inProse).not.toEqual([]);
  });

  it.each([...lines, ...inProse])('%s%s has these flags', (name, rest) => {
    const command = commands.find((one) => one.name() === name);
    if (!command) throw new Error(`Unknown command: ${name}`);
    const known = command.options.map(({ long }) => long);
    const named = rest.match(/--[a-z][a-z-]*/g) ?? [];
    expect(named.filter((flag) => !known.includes(flag))).toEqual([]);
  });

  it.each(['start', 'runs', 'status', 'resume', 'publish'])('%s takes the options of the stack and --json', (name) => {
    const known = commands.find((one) => one.name() === name)?.options.map(({ long }) => long);
    expect(known).toEqual(expect.arrayContaining(['--stack', '--profile', '--region', '--json']));
  });
});

describe('the facts on the page', () => {
  it('name outputs of the stack', () => {
    const outputs = Object.keys(synthesized().findOutputs('*'));
    for (const name of ['PutKeyCommand', 'StartCommand', 'ConsoleUrl', 'FailureTopicArn']) {
      expect(PAGE.codes).toContain(name);
      expect(outputs).toContain(name);
    }
  });

  it('state the default retention periods', () => {
    const stated = Object.fromEntries(
      [...PAGE.text.matchAll(/`(\w+RetentionDays|retentionDays)` \((\d+)\)/g)].map(([, key, days]) => [
        key,
        Number(days),
      ]),
    );
    const { retentionDays, workRetentionDays, logRetentionDays } = CONFIG;
    expect(stated).toEqual({ retentionDays, workRetentionDays, logRetentionDays });
  });
});
