/** A tenant's accounts in API order. They are generated on demand, and any can be added, removed or changed. */
import { type AccountStyle, ATTRIBUTES, simulateAccount, simulateMembership } from './accounts.ts';

interface Span {
  readonly firstId: number;
  readonly length: number;
}

/** Shapes of `attributes` that Salesforce documents; `mixed` alternates between them. */
export const ATTRIBUTE_SHAPES = ['flat', 'array', 'objects', 'mixed'] as const;
export type AttributeShape = (typeof ATTRIBUTE_SHAPES)[number];

export interface TenantOptions extends AccountStyle {
  readonly accounts: number;
  /** @default 'flat' */
  readonly attributeShape?: AttributeShape;
  /** Other names of fields and attributes, as after a change of the tenant's data model. @default none */
  readonly renamed?: Readonly<Record<string, string>>;
}

const FIELDS = [
  'name',
  'engagementScore',
  'engagementPercentChange',
  'firstActivity',
  'lastActivity',
  'totalActions',
  'accountStatus',
];
const SEGMENT_FIELDS = ['segmentJoined'];

export class Tenant {
  readonly #style: AccountStyle;
  readonly #shape: AttributeShape;
  readonly #renamed: Readonly<Record<string, string>>;
  #spans: Span[];
  #nextId: number;
  readonly #versions = new Map<number, number>();

  constructor({ accounts, attributeShape = 'flat', renamed = {}, ...style }: TenantOptions) {
    this.#style = style;
    this.#shape = attributeShape;
    this.#renamed = renamed;
    this.#spans = accounts === 0 ? [] : [{ firstId: 0, length: accounts }];
    this.#nextId = accounts;
  }

  get total(): number {
    return this.#spans.reduce((sum, { length }) => sum + length, 0);
  }

  /** Inserts new accounts before an index. */
  insertAt(index: number, count: number): void {
    if (count <= 0) return;
    const before = this.#splitAt(index);
    this.#spans.splice(before, 0, { firstId: this.#nextId, length: count });
    this.#nextId += count;
  }

  removeAt(index: number, count: number): void {
    const from = this.#splitAt(index);
    const to = this.#splitAt(index + count);
    this.#spans.splice(from, to - from);
  }

  /** Changes every value of an account except its name. */
  touch(index: number): void {
    const id = this.#idAt(index);
    if (id !== undefined) this.#versions.set(id, (this.#versions.get(id) ?? 0) + 1);
  }

  /** Adds or removes accounts at the end. */
  setTotal(total: number): void {
    const now = this.total;
    if (total > now) this.insertAt(now, total - now);
    else this.removeAt(total, now - total);
  }

  /** The account at an index as the JSON text that the API serves; `undefined` past the end. */
  json(index: number, segment = false): string | undefined {
    const id = this.#idAt(index);
    if (id === undefined) return undefined;
    const { fields, attributes } = this.#account(id);
    const parts = [...fields].map(([key, value]) => `"${key}":${value}`);
    const shape = this.#shape === 'mixed' ? ATTRIBUTE_SHAPES[id % 3] : this.#shape;
    parts.push(`"attributes":${inShape(attributes, shape)}`);
    if (segment) {
      const membership = simulateMembership(this.#style, id);
      parts.push(
        `"segmentJoined":${membership.segmentJoined}`,
        `"segmentInputValues":${membership.segmentInputValues}`,
      );
    }
    return `{${parts.join(',')}}`;
  }

  csvColumns(segment = false): readonly string[] {
    const columns = [...FIELDS, ...ATTRIBUTES, ...(segment ? SEGMENT_FIELDS : [])];
    return columns.map((column) => this.#renamed[column] ?? column);
  }

  /** The CSV cells of the account at an index, by column; `undefined` past the end. */
  csvCells(index: number, segment = false): ReadonlyMap<string, string> | undefined {
    const id = this.#idAt(index);
    if (id === undefined) return undefined;
    const { fields, attributes } = this.#account(id);
    const cells = new Map([...fields, ...attributes].map(([key, value]) => [key, cellOf(value)]));
    if (segment) cells.set('segmentJoined', simulateMembership(this.#style, id).segmentJoined);
    return cells;
  }

  #account(id: number) {
    const { fields, attributes } = simulateAccount(this.#style, id, this.#versions.get(id) ?? 0);
    const renamed = (values: ReadonlyMap<string, string>) =>
      new Map(Array.from(values, ([key, value]) => [this.#renamed[key] ?? key, value] as const));
    return { fields: renamed(fields), attributes: renamed(attributes) };
  }

  #idAt(index: number): number | undefined {
    let offset = index;
    for (const { firstId, length } of this.#spans) {
      if (offset < length) return firstId + offset;
      offset -= length;
    }
    return undefined;
  }

  /** Splits spans so that one starts at `index`. @returns its position in `#spans` */
  #splitAt(index: number): number {
    let offset = index;
    for (const [i, { firstId, length }] of this.#spans.entries()) {
      if (offset === 0) return i;
      if (offset < length) {
        this.#spans.splice(i, 1, { firstId, length: offset }, { firstId: firstId + offset, length: length - offset });
        return i + 1;
      }
      offset -= length;
    }
    return this.#spans.length;
  }
}

function inShape(attributes: ReadonlyMap<string, string>, shape: AttributeShape | undefined): string {
  const members = (memberOf: (key: string, value: string) => string) =>
    Array.from(attributes, ([key, value]) => memberOf(key, value)).join(',');
  switch (shape) {
    case 'array':
      return `[${members((key, value) => `{"name":"${key}","value":${value},"updated":1360195200000}`)}]`;
    case 'objects':
      return `{${members((key, value) => `"${key}":{"value":${value},"metadata":{"updated":1360195200000}}`)}}`;
    default:
      return `{${members((key, value) => `"${key}":${value}`)}}`;
  }
}

/** Strings lose their quotes, null is empty, everything else stays JSON text. */
function cellOf(json: string): string {
  if (json === 'null') return '';
  return json.startsWith('"') ? (JSON.parse(json) as string) : json;
}
