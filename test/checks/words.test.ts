import { expect, test } from 'vitest';
import { findWords, WORDS } from '../../tools/checks/words.ts';

/** One sentence per entry of the list, in its order. */
const SENTENCES = [
  'the seams between pages',
  'how a run is reckoned',
  'a run that is held back',
  'the source held still',
  'the source moved',
  'verdict: steady',
  'records spent before',
  'retries spend more records',
  'the ledger of a run',
  'runAllowance(store)',
  'a countdown of records',
  'records set aside for probes',
  'import { spareFetches }',
  'a lock that a run claims',
  'the run of this tick',
  'yieldsTo: runId',
  'the run goes on',
  'going on with a run',
  'the run can be taken up again',
  'npm run --silent account-export -- redrive 20260822',
  'redrive RUN',
  'release a quarantined run',
  'a run that was released',
  'EventBridge is told',
  'a mail to the operators',
  'nothing lies behind the last page',
  'count once more',
  'begun anew',
  'whoever queries',
  'lest a page is lost',
  'parts of whatever format',
  'an API in trouble',
  'a page size capped in silence',
  'ended without a word',
  'errors that time can heal',
  'errors that can be tried again',
  'a proven run',
  'proves the run whole',
  'requests to prove it',
  'written at one stroke',
  '80 minutes at the most',
  'some forty folders',
  'a page record',
  'the Glue catalogue',
  'their licence',
  'the behaviour',
  'a cancelled request',
  'a labelled axis',
  'a synthesised template',
  'analyse the accounts',
];

test('every entry of the list has a sentence', () => expect(SENTENCES).toHaveLength(WORDS.length));

test.each(SENTENCES.map((sentence, i) => [sentence, (WORDS[i] as (typeof WORDS)[number]).use]))(
  'reports "%s"',
  (sentence, use) => {
    expect(findWords(sentence)).toMatchObject([{ line: 1, use }]);
  },
);

test('finds a phrase that is broken between the lines of a comment, or that a name holds', () => {
  expect(findWords('// One run is held\n// back.\nconst heldBack = HELD_BACK;')).toEqual([
    { line: 1, found: 'held // back', use: 'quarantine' },
    { line: 3, found: 'held Back', use: 'quarantine' },
    { line: 3, found: 'HELD BACK', use: 'quarantine' },
  ]);
});

test.each([
  'process.nextTick(done)',
  'the sub claim of an OIDC token',
  "deadLetterQueue: 'RedrivePolicy'",
  "actions: ['states:RedriveExecution']",
  "command.alias('redrive')",
  'the release notes of a package: releases are tagged',
  'yield page;',
  'a query takes up to 3 minutes',
  'mailto:security@mail.example.com',
  "state === 'CANCELLED'",
  'more than once more than half',
  'evidence, not proof',
  'synthesis of the stack, an analysis, a hypothesis',
  'Troubleshooting',
  'behind a proxy',
])('allows "%s"', (text) => {
  expect(findWords(text)).toEqual([]);
});
