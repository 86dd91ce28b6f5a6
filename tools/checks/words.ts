/** Reports words that this project does not use in `*.ts` and `*.md`, and the word to use instead. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface WordRule {
  /** A regular expression over lower-case words; a space also stands for a hyphen and for a line break in a comment. */
  readonly word: string;
  readonly use: string;
  /** What follows or precedes the word on its line in its other, correct sense. */
  readonly except?: RegExp;
}

export const WORDS: readonly WordRule[] = [
  { word: 'seams?', use: 'page boundary' },
  { word: 'reckon(?:s|ed|ing)?', use: 'estimate' },
  { word: '(?:held|holds?|holding) back', use: 'quarantine' },
  { word: '(?:held|holds?) still', use: 'the data did not change' },
  { word: 'source moved', use: 'the data changed during the run' },
  { word: 'steady', use: 'consistent' },
  { word: 'spent', use: 'used, usage' },
  { word: 'spend(?:s|ing)? (?:\\w+ )?(?:records?|requests?)', use: 'use records' },
  { word: 'ledgers?', use: 'usage' },
  { word: 'allowances?', use: 'record budget' },
  { word: 'countdowns?', use: 'record budget' },
  { word: 'sets? aside', use: 'reserve, page ticket' },
  { word: 'spare fetch(?:es)?', use: 'page ticket' },
  { word: 'claim(?:s|ed|ing)?', use: 'lock', except: /\b(?:jwt|oidc|tokens?|aud|sub)\b/i },
  { word: 'ticks?', use: 'scheduled time', except: /\bnext ?tick/i },
  { word: 'yield(?:s|ed|ing)? to', use: 'is skipped, is locked by' },
  { word: '(?:go|goes|went|gone) on', use: 'resume, continue' },
  { word: 'going on with', use: 'resume, continue' },
  { word: 'tak(?:e|es|en|ing) up', use: 'resume', except: /\btak(?:e|es|en|ing) up (?:to|space|memory|room|\d)/i },
  { word: 'account export (?:-- )?redrive', use: 'resume' },
  { word: 'redriv(?:e|es|ing) (?:run|it|the run|a run)', use: 'resume' },
  { word: 'releas(?:e|es|ed|ing) (?:a|the|this|that) (?:\\w+ )?run', use: 'publish' },
  { word: 'runs? (?:that )?(?:is|was|are|were) released', use: 'publish' },
  { word: 'told|tells', use: 'reports, sends, shows' },
  { word: 'mail(?:s|ed|ing)?', use: 'email', except: /@mail\b|\bmail\.\w/i },
  { word: 'behind (?:the |its )?(?:end|last|newest)', use: 'after' },
  { word: 'once more', use: 'again', except: /\bonce more than\b/i },
  { word: 'anew', use: 'again' },
  { word: 'whoever', use: 'anyone who, users who' },
  { word: 'lest', use: 'so that ... not' },
  { word: 'of whatever', use: 'of any' },
  { word: 'troubles?', use: 'failure, fault' },
  { word: 'in silence', use: 'silently' },
  { word: 'without a word', use: 'silently' },
  { word: 'heal(?:s|ed|ing)?', use: 'transient (error), recovers' },
  { word: 'can(?:not| not)? be tried again', use: 'transient, permanent' },
  { word: 'proven', use: 'verified' },
  { word: 'prov(?:e|es|ed|ing) (?:the |a |its )?(?:run|page|part)s?', use: 'verify' },
  { word: 'to prove', use: 'to verify' },
  { word: 'at one stroke', use: 'in one operation' },
  { word: 'at the (?:least|most)', use: 'at least, at most' },
  { word: 'some (?:ten|twenty|thirty|forty|fifty|sixty|hundred|\\d+)', use: 'about' },
  { word: 'page records?', use: 'receipt' },
  { word: 'catalogues?', use: 'catalog' },
  { word: 'licences?', use: 'license' },
  { word: '(?:colour|behaviour|favour|honour)\\w*', use: 'color, behavior, favor, honor' },
  { word: 'cancell(?:ed|ing)', use: 'canceled', except: /\bCANCELLED\b/ },
  { word: '(?:label|model|signal)l(?:ed|ing)', use: 'labeled, modeled, signaled' },
  { word: '(?:synthes|organ|normal|serial|initial|recogn|optim|summar)is(?:e|es|ed|ing)', use: '-ize' },
  { word: 'analys(?:e|ed|ing)', use: 'analyze' },
];

const BREAK = String.raw`(?:[ -]|[ \t]*\n[ \t]*(?:\*|//|>|#)?[ \t]*)`;
const PATTERNS = WORDS.map(({ word }) => new RegExp(String.raw`\b(?:${word.replaceAll(' ', BREAK)})\b`, 'gi'));

export interface Finding {
  readonly line: number;
  readonly found: string;
  readonly use: string;
}

/** The words of `text` that have a word to use instead, by line. Names are read word by word: `usedTicks`, `TICKS_USED`. */
export function findWords(text: string): Finding[] {
  const words = text.replaceAll(/(?<=[a-z\d])(?=[A-Z])|_/g, ' ');
  return PATTERNS.flatMap((pattern, i) =>
    [...words.matchAll(pattern)].flatMap(({ 0: found, index }) => {
      const line = words.slice(0, index).split('\n').length;
      const { use, except } = WORDS[i] as WordRule;
      if (except?.test(words.split('\n')[line - 1] as string)) return [];
      return { line, found: found.replaceAll(/\s+/g, ' '), use };
    }),
  ).sort((a, b) => a.line - b.line);
}

/** The files that hold the list itself, and its tests. */
const LISTS = new Set(['tools/checks/words.ts', 'test/checks/words.test.ts']);

if (import.meta.main) {
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.ts', '*.md'], { encoding: 'utf8' });
  for (const file of files.trim().split('\n')) {
    if (LISTS.has(file)) continue;
    for (const { line, found, use } of findWords(readFileSync(file, 'utf8'))) {
      console.log(`${file}:${line}: "${found}": say "${use}"`);
      process.exitCode = 1;
    }
  }
}
