import { describe, expect, it } from 'vitest';
import { endingOf, endingText } from '../../bench/peers/faults.ts';
import { compare, type ToolRun } from '../../bench/peers/run-tool.ts';

describe('comparing delivered with served accounts', () => {
  it('counts lost, duplicated and unknown accounts', () => {
    const delivered = ['Acme 0', 'Acme 2', 'Acme 2', 'Acme', 'Acme 7', undefined];
    expect(compare(delivered, [0, 1, 2, 3], 4)).toEqual({ delivered: 6, lost: 2, duplicated: 1, unknown: 3 });
  });

  it('does not count accounts added during the run as unknown', () => {
    expect(compare(['Acme 0', 'Acme 9'], [0], 10)).toEqual({ delivered: 2, lost: 0, duplicated: 0, unknown: 0 });
  });
});

const RUN: ToolRun = {
  exitCode: 0,
  timedOut: false,
  wallSeconds: 1,
  cpuSeconds: 1,
  peakMb: 1,
  stderr: '',
  deliveredMb: 1,
  delivered: 0,
  lost: 0,
  duplicated: 0,
  unknown: 0,
  seen: { requests: 1, records: 1, pagesMs: 1, cpuMs: 1000 },
};

it.each<[string, Partial<ToolRun>]>([
  ['complete', {}],
  ['undetected', { lost: 1 }],
  ['undetected', { lost: 1, verdict: 'consistent' }],
  ['reported', { lost: 1, verdict: 'drifted' }],
  ['failed', { exitCode: 1 }],
  ['timedOut', { exitCode: -9, lost: 0, timedOut: true }],
])('classifies as %s a run that ended with %j', (ending, run) => {
  expect(endingOf({ ...RUN, ...run })).toBe(ending);
});

it.each<[string, Partial<ToolRun>]>([
  ['complete', {}],
  ['**done, lost: 2,000, not accounts: 1**', { lost: 2000, unknown: 1 }],
  ['`drifted`, duplicated: 100', { duplicated: 100, verdict: 'drifted' }],
  ['failed', { exitCode: 1, lost: 5, verdict: null }],
  ['failed **and published**', { exitCode: 1, verdict: 'consistent' }],
  ['still running after 1 s', { timedOut: true }],
])('prints “%s” for %j', (text, run) => {
  expect(endingText({ ...RUN, ...run })).toBe(text);
});
