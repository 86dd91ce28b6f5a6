/** What a command prints of values that it did not choose. */
import { describe, expect, it } from 'vitest';
import { printPublished } from '../../cli/terminal/print-run.ts';
import { outputOf } from '../../cli/terminal/terminal.ts';
import { printable } from '../../functions/model/printable.ts';
import { commandLine } from '../support/command-line.ts';

describe('--api-url', () => {
  const args = (url: string) => ['run', '--dataset', 'engage', '--api-url', url];

  it.each([
    'http://user:hunter2@127.0.0.1:8787',
    'http://:hunter2@127.0.0.1:8787',
    'http://hunter2@127.0.0.1:8787',
    'http://127.0.0.1:8787?token=hunter2',
    'http://127.0.0.1:8787#hunter2',
    'http://127.0.0.1:8787/hunter2',
    'user:hunter2@127.0.0.1:8787',
    'http://user:hunter2@127.0.0.1:99999',
  ])('is refused without repeating what may be a secret: %s', async (url) => {
    for (const more of [[], ['--verbose'], ['--json']]) {
      const { code, stdout, stderr } = await commandLine([...args(url), ...more]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(
        /^error: Invalid --api-url: use an http or https URL without user, password, path or query, /,
      );
      expect(stderr).not.toContain('hunter2');
    }
  });
});

describe('control characters', () => {
  it('are escaped in every line of output, notes and errors', () => {
    const text = { stdout: '', stderr: '' };
    const stream = (name: keyof typeof text) => ({
      write: (more: string) => {
        text[name] += more;
      },
    });
    const output = outputOf({ stdout: stream('stdout'), stderr: stream('stderr') }, {});
    const result: Parameters<typeof printPublished>[1] = {
      accounts: 1,
      distinctAccounts: 1,
      seconds: 1,
      bytes: 1,
      verdict: 'consistent',
      format: 'json',
      unmappedColumns: ['\u001b]0;title\u0007', 'two\nlines', 'caf\u00e9 \ud83d\ude00'],
      runId: 'run-1',
      parts: 'p',
      manifest: 'm',
    };
    printPublished(output, result, 'local');
    output.fail('failed: \u009b2J');
    expect(text.stdout).toContain('\n           \\u001b]0;title\\u0007, two\\u000alines, caf\u00e9 \ud83d\ude00\n');
    expect(text.stderr).toBe('error: failed: \\u009b2J\n');
  });

  it('are escaped before a long name of a field is cut', () => {
    const lines: string[] = [];
    const unmappedColumns = ['long'.repeat(251), '\u0007'.repeat(20)];
    printPublished(
      { out: (line) => void lines.push(line) },
      {
        ...{ accounts: 1, distinctAccounts: 1, seconds: 1, bytes: 1, verdict: 'consistent', format: 'json' },
        unmappedColumns,
        ...{ runId: 'run-1', parts: 'p', manifest: 'm' },
      },
      'local',
    );
    expect(lines).toContain(`           ${'long'.repeat(14)}lon…,`);
    expect(lines).toContain(`           ${'\\u0007'.repeat(9)}\\u000…`);
  });

  it('are escaped so that JSON stays equal', () => {
    const value = { 'k\u007f': 'a\u0085\u2028\u200f\u2066b\n"\\' };
    const shown = printable(JSON.stringify(value));
    expect(shown).toBe('{"k\\u007f":"a\\u0085\\u2028\\u200f\\u2066b\\n\\"\\\\"}');
    expect(JSON.parse(shown)).toEqual(value);
  });
});
