/** The reference of the construct in `docs/package.md`, from the doc comments of its source. */
import { readFileSync } from 'node:fs';
import { type GeneratedBlocks, markdownTable } from './markdown.ts';

const SOURCE = readFileSync(new URL('../../infra/account-export.ts', import.meta.url), 'utf8');

interface Documented {
  readonly name: string;
  readonly signature: string;
  readonly text: string;
}

export function apiBlocks(): GeneratedBlocks {
  const existing = membersOf('export interface ExistingResources {');
  const members = membersOf('export class AccountExport extends Construct {').filter(
    ({ name }) => name !== 'constructor',
  );
  const isMethod = ({ signature }: Documented) => signature.includes('(');
  return {
    'existing-resources': table('prop', existing),
    properties: table(
      'property',
      members.filter((member) => !isMethod(member)),
    ),
    methods: table('method', members.filter(isMethod)),
  };
}

/** The documented members of a declaration, in the order of the source. */
function membersOf(declaration: string): Documented[] {
  const start = SOURCE.indexOf(declaration);
  if (start < 0) throw new Error(`No "${declaration}" in the source of the construct.`);
  const body = SOURCE.slice(start, SOURCE.indexOf('\n}\n', start));
  const member = /^ {2}\/\*\*([\s\S]*?)\*\/\n {2}(?!private)(?:readonly )?((\w+)[^\n]*?)(?:;| \{)$/gm;
  return [...body.matchAll(member)].map(([, comment = '', signature = '', name = '']) => ({
    name,
    signature,
    text: comment
      .replaceAll(/\n\s*\*/g, ' ')
      .replaceAll(/\s+/g, ' ')
      .trim(),
  }));
}

function table(kind: string, members: readonly Documented[]): string {
  const rows = members.map(({ signature, text }) => {
    const [meaning = '', fallback] = text.split(' @default ');
    return [`\`${signature}\``, fallback === undefined ? meaning : `${meaning} Default: ${fallback}.`];
  });
  return markdownTable([kind, 'meaning'], rows);
}
