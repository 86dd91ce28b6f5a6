/**
 * Derives the AWS actions of a Lambda from its code.
 *
 * The bundle of an entry file shows which ports its reachable code creates (`deployedStore()`) and which of their methods
 * it calls (`store.put(…)`). The adapter of a port shows which commands a method sends, directly or
 * through functions that it calls (`new PutObjectCommand(…)`).
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { parseAst } from 'vitest/node';

const FUNCTIONS = fileURLToPath(new URL('../../functions/', import.meta.url));

/** The variable names of each adapter's port: `store.put(…)`. */
export const PORT_NAMES: Readonly<Record<string, string>> = {
  s3ObjectStore: 'store',
  glueCatalog: 'catalog',
  sfnExecutions: 'executions',
  secretCredentials: 'credentials',
};

/** Adapters whose methods are not called by these names: the API client reads its key by itself. */
const USED_WHOLE = ['secretCredentials'];

/** Actions that are not named like their command. */
const ACTIONS: Readonly<Record<string, string>> = {
  's3:ListObjectsV2': 's3:ListBucket',
  's3:HeadObject': 's3:GetObject',
  's3:CopyObject': 's3:PutObject',
  's3:DeleteObjects': 's3:DeleteObject',
};
const SERVICES: Readonly<Record<string, string>> = {
  '@aws-sdk/client-s3': 's3',
  '@aws-sdk/client-glue': 'glue',
  '@aws-sdk/client-sfn': 'states',
  '@aws-sdk/client-secrets-manager': 'secretsmanager',
};

interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** The sorted actions of the code of an entry file. */
export async function actionsOf(entry: string): Promise<string[]> {
  const ast = await parsed(`handlers/${entry}.ts`);
  const makers = new Map(
    nodesOf(ast, 'VariableDeclarator').flatMap((declared) => {
      const factory = calledIn(declared.init).find((name) => name in PORT_NAMES);
      return factory === undefined ? [] : [[nameOf(declared.id), factory] as const];
    }),
  );
  const made = callsIn(ast).flatMap(({ callee }) => makers.get(nameOf(callee)) ?? []);
  return actionsThrough(new Set(made), ast, entry);
}

/** The sorted actions of a file of this project that makes these adapters itself. @param file `cli/commands/reattach.ts` */
export async function actionsOfFile(file: string, factories: readonly string[]): Promise<string[]> {
  return actionsThrough(factories, await parsed(`../${file}`), file);
}

function callsIn(ast: Node): Node[] {
  return reachableNodes(ast).filter(({ type }) => type === 'CallExpression');
}

async function actionsThrough(factories: Iterable<string>, ast: Node, entry: string): Promise<string[]> {
  const calls = callsIn(ast);
  const actions = new Set<string>();
  for (const factory of factories) {
    const methods = await methodsOf(factory);
    const port = new RegExp(`(^|\\.)${PORT_NAMES[factory]}\\d*$`);
    const called = calls
      .map(({ callee }) => callee as Node)
      .filter(({ type, object }) => type === 'MemberExpression' && port.test(pathOf(object)))
      .map(({ property }) => nameOf(property));
    for (const method of USED_WHOLE.includes(factory) ? methods.keys() : new Set(called)) {
      const taken = methods.get(method);
      if (!taken) throw new Error(`Unknown method ${method} of ${factory} in ${entry}.`);
      for (const action of taken) actions.add(action);
    }
  }
  return [...actions].sort();
}

/** All nodes of a bundle, except in functions and methods whose names are mentioned nowhere in reachable code. */
function reachableNodes(ast: Node): Node[] {
  const isNamed = ({ type, kind }: Node) =>
    type === 'FunctionDeclaration' || (type === 'MethodDefinition' && kind !== 'constructor');
  const unreached = Map.groupBy([ast, ...descendants(ast)].filter(isNamed), ({ id, key }) => nameOf(id ?? key));
  const found: Node[] = [];
  const queue = [ast];
  for (let next = queue.pop(); next; next = queue.pop()) {
    for (const node of descendants(next, isNamed)) {
      found.push(node);
      const name = nameOf(node);
      queue.push(...(unreached.get(name) ?? []));
      unreached.delete(name);
    }
  }
  return found;
}

/** The files of `functions/aws` that send commands. */
export async function adapters(): Promise<string[]> {
  const files = readdirSync(`${FUNCTIONS}aws`);
  const found = await Promise.all(files.map(async (file) => ({ file, sends: sendersIn(await parsed(`aws/${file}`)) })));
  return found.filter(({ sends }) => sends).map(({ file }) => file);
}

/**
 * Imports from the AWS SDK outside `functions/aws`, except client classes, as `file: name`. Commands sent there would not be
 * found.
 */
export async function takenElsewhere(): Promise<string[]> {
  const files = readdirSync(FUNCTIONS, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/^aws[/\\]/.test(file))
    .sort();
  const found = await Promise.all(files.map(async (file) => outsideAdapters(file, await parsed(file, false))));
  return found.flat();
}

function outsideAdapters(file: string, ast: Node): string[] {
  return nodesOf(ast, 'ImportDeclaration')
    .filter(({ source }) => /^@aws-sdk\/|^@aws-lambda-powertools\/parameters/.test(String((source as Node).value)))
    .flatMap(({ specifiers }) => specifiers as Node[])
    .map(({ imported, local }) => nameOf(imported ?? local))
    .filter((name) => !/^[A-Z]\w*Client$/.test(name))
    .map((name) => `${file}: ${name}`);
}

function sendersIn(ast: Node): boolean {
  return nodesOf(ast, 'FunctionDeclaration').some((declared) => commandsIn(declared, serviceBy(ast)).length > 0);
}

/** The actions of each method of an adapter's port. */
async function methodsOf(factory: string): Promise<Map<string, ReadonlySet<string>>> {
  for (const file of readdirSync(`${FUNCTIONS}aws`)) {
    const ast = await parsed(`aws/${file}`);
    const functions = new Map(nodesOf(ast, 'FunctionDeclaration').map((declared) => [nameOf(declared.id), declared]));
    const adapter = functions.get(factory);
    if (!adapter) continue;
    const service = serviceBy(ast);
    const returned = (adapter.body as { body: Node[] }).body.find(({ type }) => type === 'ReturnStatement');
    const port = returned?.argument as { properties: Node[] };
    const methods = port.properties.flatMap(({ key, value }) => {
      const { type } = (value ?? {}) as Node;
      // An inline method or a named function: `put,`.
      const method = type === 'FunctionExpression' ? (value as Node) : functions.get(nameOf(value));
      return method ? [[nameOf(key), reached(method, functions, service)] as const] : [];
    });
    return new Map(methods);
  }
  throw new Error(`No file of functions/aws declares ${factory}.`);
}

/** The actions of a function and of the functions that it calls. */
function reached(
  start: Node,
  functions: ReadonlyMap<string, Node>,
  service: ReadonlyMap<string, string>,
): ReadonlySet<string> {
  const actions = new Set<string>();
  const seen = new Set<Node>();
  const queue = [start];
  for (let next = queue.pop(); next; next = queue.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    for (const action of commandsIn(next, service)) actions.add(action);
    for (const name of calledIn(next)) {
      const called = functions.get(name);
      if (called) queue.push(called);
    }
  }
  return actions;
}

/** The names imported from SDK clients, with their service. */
function serviceBy(ast: Node): Map<string, string> {
  return new Map(
    nodesOf(ast, 'ImportDeclaration').flatMap(({ source, specifiers }) => {
      const from = String((source as Node).value);
      if (!from.startsWith('@aws-sdk/client-')) return [];
      const service = SERVICES[from];
      if (service === undefined) throw new Error(`Unknown service of ${from}: add it to SERVICES.`);
      return (specifiers as Node[]).map(({ local }) => [nameOf(local), service] as const);
    }),
  );
}

/** `new PutObjectCommand(…)`, `paginateGetPartitions(…)`, and the secrets provider of Powertools. */
function commandsIn(node: Node, service: ReadonlyMap<string, string>): string[] {
  const names = [...nodesOf(node, 'NewExpression'), ...nodesOf(node, 'CallExpression')].map(({ callee }) =>
    nameOf(callee),
  );
  const sent = names.flatMap((name) => {
    const command = /^(\w+)Command$|^paginate(\w+)$/.exec(name);
    const prefix = service.get(name);
    if (!command || prefix === undefined) return [];
    const action = `${prefix}:${command[1] ?? command[2]}`;
    return [ACTIONS[action] ?? action];
  });
  const provided = nodesOf(node, 'CallExpression').some(({ callee }) => pathOf(callee) === 'provider.get');
  return provided ? [...sent, 'secretsmanager:GetSecretValue'] : sent;
}

const asts = new Map<string, Promise<Node>>();

/** @param bundle whether to inline the files of this project that a file imports */
function parsed(file: string, bundle = true): Promise<Node> {
  const name = `${file} ${bundle}`;
  const known = asts.get(name) ?? parse(file, bundle);
  asts.set(name, known);
  return known;
}

async function parse(file: string, bundle: boolean): Promise<Node> {
  const { outputFiles } = await build({
    entryPoints: [`${FUNCTIONS}${file}`],
    bundle,
    write: false,
    ...(bundle ? { packages: 'external' as const } : {}),
    platform: 'node',
    format: 'esm',
    treeShaking: true,
  });
  return parseAst(outputFiles[0]?.text ?? '') as unknown as Node;
}

function nodesOf(root: unknown, type: string): Node[] {
  return descendants({ type: '', root }).filter((node) => node.type === type);
}

/** All nodes below a node. @param skip nodes to leave out, with everything below them */
function descendants(root: Node, skip: (node: Node) => boolean = () => false): Node[] {
  const found: Node[] = [];
  const queue: unknown[] = Object.values(root);
  while (queue.length > 0) {
    const value = queue.pop();
    if (Array.isArray(value)) queue.push(...value);
    else if (value !== null && typeof value === 'object') {
      const node = value as Node;
      if (typeof node.type === 'string' && skip(node)) continue;
      if (typeof node.type === 'string') found.push(node);
      queue.push(...Object.values(node));
    }
  }
  return found;
}

function calledIn(node: unknown): string[] {
  return nodesOf(node, 'CallExpression').map(({ callee }) => nameOf(callee));
}

function nameOf(node: unknown): string {
  const { type, name } = (node ?? {}) as Node;
  return type === 'Identifier' || type === 'PrivateIdentifier' ? String(name) : '';
}

/** A member expression as text: `ports.store`. */
function pathOf(node: unknown): string {
  const { type, object, property } = (node ?? {}) as Node;
  return type === 'MemberExpression' ? `${pathOf(object)}.${nameOf(property)}` : nameOf(node);
}
