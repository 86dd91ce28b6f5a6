/** Where `query` takes SQL from: an argument, standard input, or the prompt. */
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { runCommandLine } from '../../cli/command-line.ts';
import { directoryStore } from '../../cli/local/directory-store.ts';
import { firstStatement } from '../../cli/query/statements.ts';
import { accounts, arrayApi } from '../support/array-api.ts';
import { commandLine, temporaryFolder } from '../support/command-line.ts';
import { runSteps } from '../support/run-steps.ts';
import { until } from '../support/until.ts';

async function exported(): Promise<string> {
  const folder = await temporaryFolder();
  await runSteps(arrayApi({ list: accounts(25) }).api, directoryStore(folder), 'r').all();
  return folder;
}

describe('standard input', () => {
  const piped = async (text: string, ...args: string[]) =>
    commandLine(['query', ...args, '--json', '--out', await exported()], { stdin: Readable.from([text]) });

  it.each([[[]], [['-']]])('is the statement with arguments %j', async (args) => {
    const { code, stdout } = await piped('-- all\nSELECT count(*) AS n\nFROM accounts_latest;\n', ...args);
    expect({ code, rows: JSON.parse(stdout) }).toEqual({ code: 0, rows: [{ n: 25 }] });
  });

  it('is not read when the statement is an argument', async () => {
    const stdin = new Readable({ read: () => expect.unreachable() });
    const { stdout } = await commandLine(['query', 'SELECT 1 AS n', '--json', '--out', await exported()], { stdin });
    expect(JSON.parse(stdout)).toEqual([{ n: 1 }]);
  });

  it.each(['', ' \n'])('without SQL is an error: %j', async (text) => {
    expect(await piped(text)).toEqual({
      code: 2,
      stdout: '',
      stderr: 'error: Missing SQL: pass one SELECT as an argument or on standard input.\n',
    });
  });
});

describe('a statement ends at the first semicolon', () => {
  it.each([
    ['SELECT 1; SELECT 2', 'SELECT 1', 'SELECT 2'],
    [`SELECT 'a;b' AS "c;d"; x`, `SELECT 'a;b' AS "c;d"`, 'x'],
    [`SELECT 'it''s; fine';`, `SELECT 'it''s; fine'`, ''],
    ['SELECT 1 -- no; end\n;', 'SELECT 1 -- no; end', ''],
    ['/* a; b */ SELECT 1;', '/* a; b */ SELECT 1', ''],
  ])('that is outside of quotes and comments: %s', (text, statement, rest) => {
    expect(firstStatement(text)).toEqual({ statement, rest });
  });

  it.each(['SELECT 1', "SELECT ';", 'SELECT ";', 'SELECT 1 -- ;', '/* ;', ''])(
    'and is open without one: %s',
    (text) => {
      expect(firstStatement(text)).toBeUndefined();
    },
  );
});

/** A prompt on a terminal of 80 columns. */
async function promptIn(folder: string, ...args: string[]) {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  let text = '';
  const stdout = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
  stdout.on('data', (chunk) => {
    text += chunk;
  });
  const stderr = { write: (more: string) => (text += more) };
  const exit = runCommandLine({ argv: ['query', '--out', folder, ...args], stdin, stdout, stderr, env: {} });
  return {
    exit,
    end: () => stdin.end(),
    /** Types, and waits until the terminal shows something new. */
    async type(keys: string, shown: string | RegExp) {
      const before = text.length;
      stdin.write(keys);
      await until(() =>
        typeof shown === 'string' ? text.slice(before).includes(shown) : shown.test(text.slice(before)),
      );
      return text.slice(before);
    },
    ready: () => until(() => text.includes('accounts> ')),
  };
}

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const UP = '\u001b[A';

describe('the prompt', () => {
  it('runs statements of one or several lines until \\q', async () => {
    const { type, exit, ready } = await promptIn(await exported());
    await ready();
    await type('SELECT count(*) AS n FROM accounts_latest;\r', /25\r?\n1 row in/);
    await type('SELECT 1 AS one,\r', '...');
    await type('2 AS two; SELECT 3 AS three;\r', /1 │ +2[\s\S]*3\r?\n1 row in/);
    await type('\\q\r', '');
    expect(await exit).toBe(0);
  });

  it('continues after an error, and ends at Ctrl-D with exit code 0', async () => {
    const { type, exit, ready } = await promptIn(await exported());
    await ready();
    await type('SELCT 1;\r', 'error: Query failed: ');
    await type('DROP VIEW accounts_latest;\r', 'error: Invalid query: only SELECT is allowed.');
    await type('SELECT 7 AS n;\r', /7\r?\n1 row in/);
    await type(CTRL_D, '');
    expect(await exit).toBe(0);
  });

  it('discards what was typed at Ctrl-C, also an open quote', async () => {
    const { type, exit, ready, end } = await promptIn(await exported());
    await ready();
    await type("SELECT 'open\r", '...');
    await type(`more${CTRL_C}`, 'accounts> ');
    await type('SELECT 7 AS n;\r', /7\r?\n1 row in/);
    end();
    expect(await exit).toBe(0);
  });

  it('cancels a running statement at Ctrl-C, and stays', async () => {
    const { type, exit, ready, end } = await promptIn(await exported());
    await ready();
    // It would run for hours.
    const endless = 'SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.range + b.range = 1;\r';
    // The terminal shows the end of the line when the statement has been started.
    await type(endless, '= 1;');
    await type(CTRL_C, 'Canceled.');
    await type('SELECT 7 AS n;\r', /7\r?\n1 row in/);
    end();
    expect(await exit).toBe(0);
  });

  it('brings back a whole statement with the arrow up', async () => {
    const { type, exit, ready, end } = await promptIn(await exported());
    await ready();
    await type('SELECT 1 AS one,\r', '...');
    await type('  2 AS two;\r', /1 │ +2\r?\n1 row in/);
    await type(UP, 'SELECT 1 AS one, 2 AS two;');
    await type('\r', /1 │ +2\r?\n1 row in/);
    end();
    expect(await exit).toBe(0);
  });

  it('lists tables and columns, switches to records, and explains itself', async () => {
    const { type, exit, ready, end } = await promptIn(await exported());
    await ready();
    await type('\\?\r', 'list the tables and views');
    await type('\\d\r', 'accounts_latest');
    await type('\\d accounts_latest\r', /engagement_score +│ DOUBLE/);
    await type('\\x\r', 'One record below the other.');
    await type('SELECT 7 AS n;\r', /row 1 ─+\r?\nn │ 7/);
    await type('\\y\r', 'Unknown command \\y: \\? lists the commands.');
    end();
    expect(await exit).toBe(0);
  });
});

it('uses the width of the terminal', async () => {
  const folder = await exported();
  const sql = 'SELECT * FROM accounts_latest LIMIT 1';
  const on = async (columns: number) => (await commandLine(['query', sql, '--out', folder], { columns })).stdout;
  expect(await on(80)).toMatch(/^── row 1 ─+\nexport_name +│ all\n/);
  expect(await on(400)).toMatch(/^export_name │ export_date │/);
});

it('prints a table of any width into a file, or of the width in COLUMNS', async () => {
  const argv = ['query', 'SELECT * FROM accounts_latest LIMIT 1', '--out', await exported()];
  expect((await commandLine(argv, { env: {} })).stdout).toMatch(/^export_name │ export_date │/);
  expect((await commandLine(argv, { env: { COLUMNS: '80' } })).stdout).toMatch(/^── row 1 ─/);
});

it.each([
  [['--json', '--csv'], 'Conflicting flags: pass either --json or --csv.'],
  [['--json', '--vertical'], 'Conflicting flags: pass either --json or --vertical.'],
  [['--csv', '--vertical'], 'Conflicting flags: pass either --csv or --vertical.'],
  [['--out', 'x', '--stack'], 'Conflicting flags: pass either --out or --stack.'],
  [['--region', 'eu-west-1'], 'Missing --stack: --region applies only to a deployed stack.'],
  [['--profile', 'p'], 'Missing --stack: --profile applies only to a deployed stack.'],
])('refuses flags that exclude each other: %j', async (flags, sentence) => {
  expect(await commandLine(['query', 'SELECT 1', ...flags])).toEqual({
    code: 2,
    stdout: '',
    stderr: `error: ${sentence}\n`,
  });
});

it('cancels a local query at Ctrl-C', async () => {
  const folder = await exported();
  const interrupt = new AbortController();
  const sql = 'SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.range + b.range = 1';
  const ended = commandLine(['query', sql, '--out', folder], { signal: interrupt.signal });
  interrupt.abort();
  expect(await ended).toEqual({ code: 1, stdout: '', stderr: 'Canceled.\n' });
});
