/** `docs/operations.md` says what the code does: inputs are parsed, events are made, commands and flags are looked up. */
import { existsSync, readdirSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { parseRequest, resolveRequest } from '../../functions/export/plan/resolve-request.ts';
import { PERMANENT_ERRORS, TRANSIENT_ERRORS } from '../../functions/model/errors.ts';
import { parseApiKeySecret } from '../../functions/personalization/credentials.ts';
import { EVENT_SOURCE, EVENT_TYPES, exportWorkflow } from '../../functions/workflow.ts';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { synthesized } from '../support/synthesized.ts';
import { failedDetail, failedRun, publishedDetail, skippedDetail } from './event-details.ts';
import { jsonExamples, page, tableBelow, textExamples, unwrapped } from './page.ts';

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

/** Checks an input as an execution does. */
function take(input: unknown): void {
  const request = parseRequest(input);
  if (request.resume !== undefined || request.publish !== undefined) return;
  // `{}` is for stacks with one export.
  const exports = Object.keys(request).length === 0 ? CONFIG.exports.slice(0, 1) : CONFIG.exports;
  resolveRequest(request, exports, STARTED);
}

const shell = PAGE.examples
  .filter(({ language }) => language === 'sh')
  .flatMap(({ text }) => text.replaceAll('\\\n', ' ').trim().split('\n'));

describe('the inputs', () => {
  it('are all of a kind that is run', () => {
    const kinds = PAGE.examples.filter(({ language }) => language === 'json').map(({ kind }) => kind);
    expect(new Set(kinds)).toEqual(new Set(['key', 'request', 'pattern', 'published', 'skipped', 'failed']));
  });

  it.each(jsonExamples(PAGE, 'request').map((input) => [input]))('are taken: %j', take);

  const inline = PAGE.codes.filter((code) => /^\{.*\}$/.test(code));
  it.each(inline)('in a line are taken: %s', (code) => take(JSON.parse(code)));

  const ofShell = shell.flatMap((line) => [...line.matchAll(/--input '([^']+)'/g)].map(([, input = '']) => input));
  it.each(ofShell)('of commands are taken: %s', (input) => take(JSON.parse(input)));

  it('are as many as the page has', () => {
    expect([jsonExamples(PAGE, 'request').length, inline.length, ofShell.length]).toEqual([4, 7, 2]);
  });

  it('go on with fixed times and with a window before the due time', () => {
    const [, window, fixed] = jsonExamples(PAGE, 'request').map((input) =>
      resolveRequest(parseRequest({ exportName: 'all-accounts', ...takable(input) }), CONFIG.exports, STARTED),
    );
    expect(window).toMatchObject({
      exportDate: '2026-08-07',
      parameters: { start: Date.parse('2026-07-31T04:00:00Z'), end: Date.parse('2026-08-07T04:00:00Z') },
    });
    expect(fixed).toMatchObject({
      exportDate: '2026-07-01',
      parameters: { start: Date.parse('2026-06-01'), end: Date.parse('2026-07-01') },
    });
  });

  it('hold a key as the functions read it', () => {
    const [key] = jsonExamples(PAGE, 'key');
    expect(parseApiKeySecret(JSON.stringify(key), 'the page')).toEqual(key);
  });
});

/** Without what goes on with a run: the rest is resolved. */
function takable(input: unknown): object {
  const { resume, publish, ...rest } = input as { resume?: string; publish?: string };
  return rest;
}

describe('the errors', () => {
  it('are all told, with what to do', () => {
    const told = tableBelow(PAGE, '## A run failed').map(([name = '']) => name.slice(1, -1));
    expect(told).toEqual([...TRANSIENT_ERRORS, ...PERMANENT_ERRORS]);
  });
});

/** What a run makes differs in these from one time to the next. */
const VARYING = ['bytes', 'seconds', 'pagesDone'] as const;

describe('the events', () => {
  const documented = (kind: string) => (jsonExamples(PAGE, kind) as Event[])[0] as Event;

  it.each([
    ['published', publishedDetail, '### Export run published'],
    ['skipped', skippedDetail, '### Export run skipped'],
    ['failed', failedDetail, '### Export run failed'],
  ] as const)('%s are those of a real run, and each key is told', async (kind, makeDetail, heading) => {
    const { source, detail, ...envelope } = documented(kind);
    expect({ source, ...envelope }).toEqual({ source: EVENT_SOURCE, 'detail-type': EVENT_TYPES[kind] });
    const real: Record<string, unknown> = { ...(await makeDetail()) };
    expect(Object.keys(detail)).toEqual(Object.keys(real));
    for (const key of VARYING) {
      expect(typeof detail[key]).toBe(typeof real[key]);
      if (key in real) real[key] = detail[key];
    }
    expect(detail).toEqual(real);
    const told = tableBelow(PAGE, heading).flatMap(([keys = '']) =>
      [...keys.matchAll(/`(\w+)`/g)].map(([, key]) => key),
    );
    expect(told.toSorted()).toEqual(Object.keys(real).toSorted());
  });

  it('hold what the workflow sends', () => {
    const { States } = exportWorkflow({
      resources: { planExport: 'p', exportPage: 'e', publishRun: 'u', reportFailure: 'r' },
      exports: CONFIG.exports,
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

  it('match the rule when they are of its export and lost nothing, and else not', () => {
    const [pattern] = jsonExamples(PAGE, 'pattern');
    const { detail, ...published } = documented('published');
    const matched = (event: unknown) => matches(pattern, event);
    expect(matched({ ...published, detail })).toBe(true);
    expect(matched({ ...published, detail: { ...detail, verdict: 'drifted' } })).toBe(false);
    expect(matched({ ...published, detail: { ...detail, exportName: 'emea' } })).toBe(false);
    expect(matched(documented('failed'))).toBe(false);
    expect(matched(documented('skipped'))).toBe(false);
  });

  it('are mailed as shown when a run failed', async () => {
    const { subject, message } = await failedRun();
    const [mail = ''] = textExamples(PAGE, 'mail');
    const anyPages = (text: string) => unwrapped(text).replace(/Pages: \d+ of/, 'Pages: some of');
    expect(anyPages(mail)).toBe(anyPages(message));
    expect(PAGE.codes).toContain(subject);
  });
});

/** As EventBridge matches, of what the page uses: lists of values, and objects of them. */
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
  // Also where the prose names a command with a flag alone: `start EXPORT --dry-run`.
  const inProse = Object.values(PAGES).flatMap(({ codes }) =>
    codes.flatMap((code) => {
      const [, name, rest] = /^(start|runs|status|redrive|publish|run)\b(.*--.*)$/.exec(code) ?? [];
      return name === undefined || rest === undefined ? [] : [[name, rest] as const];
    }),
  );

  it('are found on the page', () => {
    expect(new Set(lines.map(([name]) => name))).toEqual(new Set(['start', 'runs', 'status', 'redrive', 'publish']));
    expect(inProse.length).toBeGreaterThan(0);
  });

  it.each([...lines, ...inProse])('%s%s has these flags', (name, rest) => {
    const command = commands.find((one) => one.name() === name);
    if (!command) throw new Error(`There is no command ${name}.`);
    const known = command.options.map(({ long }) => long);
    const named = rest.match(/--[a-z][a-z-]*/g) ?? [];
    expect(named.filter((flag) => !known.includes(flag))).toEqual([]);
  });

  it.each(['start', 'runs', 'status', 'redrive', 'publish'])('%s finds its stack and prints JSON', (name) => {
    const known = commands.find((one) => one.name() === name)?.options.map(({ long }) => long);
    expect(known).toEqual(expect.arrayContaining(['--stack', '--profile', '--region', '--json']));
  });
});

describe('what the page names', () => {
  it('are outputs that the stack has', () => {
    const outputs = Object.keys(synthesized().findOutputs('*'));
    for (const name of ['PutKeyCommand', 'StartCommand', 'ConsoleUrl', 'FailureTopicArn']) {
      expect(PAGE.codes).toContain(name);
      expect(outputs).toContain(name);
    }
  });

  it('are the retentions that are configured when nothing is', () => {
    const told = Object.fromEntries(
      [...PAGE.text.matchAll(/`(\w+RetentionDays|retentionDays)` \((\d+)\)/g)].map(([, key, days]) => [
        key,
        Number(days),
      ]),
    );
    const { retentionDays, workRetentionDays, logRetentionDays } = CONFIG;
    expect(told).toEqual({ retentionDays, workRetentionDays, logRetentionDays });
  });

  it.each(Object.entries(PAGES))('%s.md links to what is there', (_name, linking) => {
    const { text } = linking;
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    const broken = links.filter((link) => {
      const [file = '', anchor] = link.split('#');
      if (file !== '' && !existsSync(new URL(`../../docs/${file}`, import.meta.url))) return true;
      const own = (file === '' ? linking : page(file.replace(/\.md$/, ''))).anchors;
      return anchor !== undefined && !own.includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it.each(Object.entries(PAGES))('%s.md keeps to 120 columns in its prose', (_name, { text }) => {
    const prose = text.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '').split('\n');
    expect(prose.filter((line) => line.length > 120 && !line.startsWith('|'))).toEqual([]);
  });
});
