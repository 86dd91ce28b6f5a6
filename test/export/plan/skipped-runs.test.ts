/** Who yields to whom, one rule at a time. */
import { describe, expect, it } from 'vitest';
import { checkRunId, parseRequest, resolveRequest } from '../../../functions/export/plan/resolve-request.ts';
import { yieldToAnother } from '../../../functions/export/storage/locks.ts';
import type { PlanEvent } from '../../../functions/model/events.ts';
import { ExportSettingsSchema } from '../../../functions/model/export-settings.ts';
import { memoryStore } from '../../support/memory-store.ts';

const DUE = '2026-08-22T02:00:00.000Z';
const place = (runId: string, exportName = 'all') => ({ runId, exportName, dueAt: DUE });

/** Executions over one store, of which those named still run. */
function world(living: readonly string[] = ['first', 'second', 'third']) {
  const { store, objects } = memoryStore();
  const asked: string[] = [];
  const isRunning = async (execution: string) => {
    asked.push(execution);
    return living.includes(execution);
  };
  const event = (execution: string, exports: PlanEvent['exports'] = []): PlanEvent => ({
    runId: `run of ${execution}`,
    execution,
    startedAt: DUE,
    request: {},
    exports,
    concurrency: 8,
  });
  return { ports: { store, executions: { isRunning } }, event, asked, objects, store };
}

const configured = (name: string, overlap: 'skip' | 'allow') =>
  ExportSettingsSchema.parse({ name, datasetId: 'engage', overlap });

describe('what an export allows', () => {
  it.each([
    ['yields where nothing is configured', [], true],
    ['yields where the export says so', [configured('all', 'skip')], true],
    ['yields where only another export allows more', [configured('other', 'allow')], true],
    ['does not yield where the export allows it', [configured('other', 'skip'), configured('all', 'allow')], false],
  ])('is looked up for a run that is gone on with: it %s', async (_what, exports, yields) => {
    const { ports, event } = world();
    expect(await yieldToAnother(ports, event('first', exports), place('run-1'))).toBeUndefined();
    const second = await yieldToAnother(ports, event('second', exports), place('run-2'));
    expect(second?.skipped ?? false).toBe(yields);
  });
});

describe('a tick', () => {
  it('is asked for by scheduled runs alone', async () => {
    const { ports, event, objects } = world([]);
    await yieldToAnother(ports, event('first'), place('run-1'), undefined, 'allow');
    await yieldToAnother(ports, event('second'), place('run-2'), false, 'allow');
    expect([...objects.keys()].filter((key) => key.includes('/ticks/'))).toEqual([]);
  });

  it('is not taken by a run whose claim is gone when it is looked at', async () => {
    const { ports, event, store } = world([]);
    await yieldToAnother(ports, event('first'), place('run-1'), true, 'allow');
    const { get } = store;
    store.get = async (key) => (key.includes('/ticks/') ? undefined : get(key));
    expect(await yieldToAnother(ports, event('second'), place('run-2'), true, 'allow')).toBeUndefined();
  });
});

describe('a claim', () => {
  it('follows the one before it, and that of a run that has ended holds nobody up', async () => {
    const { ports, event, objects } = world(['third']);
    for (const execution of ['first', 'second', 'third']) {
      expect(await yieldToAnother(ports, event(execution), place('run-1'))).toBeUndefined();
    }
    const claims = [...objects.keys()].filter((key) => key.startsWith('work/export_name=all/claims/'));
    expect(claims.map((key) => key.split('/').at(-1))).toEqual(['00000001.json', '00000002.json', '00000003.json']);
    expect(await yieldToAnother(ports, event('fourth'), place('run-9'))).toMatchObject({ yieldsTo: 'run of third' });
  });

  it('is found again by its own execution, which nobody is asked about', async () => {
    const { ports, event, asked, objects } = world();
    await yieldToAnother(ports, event('first'), place('run-1'));
    const before = objects.size;
    expect(await yieldToAnother(ports, event('first'), place('run-1'))).toBeUndefined();
    expect(objects.size).toBe(before);
    expect(asked).toEqual([]);
  });
});

describe('an execution of a state machine that was replaced', () => {
  const arn = (machine: string, name: string) => `arn:aws:states:eu-west-1:1:execution:${machine}:${name}`;

  it('holds nobody up, and is not asked about', async () => {
    const { ports, event, asked } = world([arn('old', 'a')]);
    await yieldToAnother(ports, event(arn('old', 'a')), place('run-1'));
    expect(await yieldToAnother(ports, event(arn('new', 'b')), place('run-2'))).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it('is not one of the same state machine, nor one of which the machine is not known', async () => {
    for (const [holder, other] of [
      [arn('one', 'a'), arn('one', 'b')],
      ['local/1', arn('one', 'b')],
      [arn('one', 'a'), 'local/1'],
      ['local/1', 'local/2'],
    ] as const) {
      const { ports, event, asked } = world([holder]);
      await yieldToAnother(ports, event(holder), place('run-1'));
      expect(await yieldToAnother(ports, event(other), place('run-2'))).toMatchObject({ yieldsTo: `run of ${holder}` });
      expect(asked).toEqual([holder]);
    }
  });
});

describe('a request', () => {
  const exports = Array.from({ length: 11 }, (_, i) => configured(`export-${i}`, 'skip'));
  const asking =
    (input: unknown, from = exports) =>
    () =>
      resolveRequest(parseRequest(input), from, DUE);

  it('is told up to ten of the exports that there are', () => {
    const ten = Array.from({ length: 10 }, (_, i) => `export-${i}`).join(', ');
    expect(asking({})).toThrow(
      `The request must say which export: exportName is missing, and configured are ${ten}, ….`,
    );
    expect(asking({}, exports.slice(0, 10))).toThrow(`configured are ${ten}.`);
    expect(asking({}, [])).toThrow('The request must say which export: exportName is missing, and none is configured.');
    expect(asking({ exportName: 'nope' }, [])).toThrow(
      'There is no export "nope": none is configured; an ad-hoc export needs a datasetId.',
    );
  });

  it.each([
    [{ start: 1000 }, { start: 1000, end: undefined }],
    [{ end: 2000 }, { start: undefined, end: 2000 }],
  ])('with one fixed date replaces a window: %j', (dates, expected) => {
    const weekly = ExportSettingsSchema.parse({ name: 'weekly', datasetId: 'engage', window: 'P7D' });
    expect(resolveRequest(parseRequest(dates), [weekly], DUE).parameters).toMatchObject(expected);
  });

  it('shows the beginning of a run id that is long', () => {
    expect(() => checkRunId(`${'x'.repeat(60)}${'y'.repeat(100)}`)).toThrow(
      `The run id "${'x'.repeat(60)}" is unusable`,
    );
  });
});
