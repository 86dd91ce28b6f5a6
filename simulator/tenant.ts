/** A tenant's accounts in API order. They are generated on demand, and any can be added, removed or changed. */
import { type AccountStyle, ATTRIBUTES, simulateAccount, simulateMembership } from './accounts.ts';
import { ATTRIBUTE_SHAPES, type AttributeShape, cellOf, inShape } from './attribute-shapes.ts';

interface Span {
  readonly firstId: number;
  readonly length: number;
}

/** Makes the accounts of a tenant. Each is a pure function of its id and version. */
export interface AccountMaker {
  /** The JSON text that the API serves. */
  json(id: number, version: number, segment: boolean): string;
  csvColumns(segment: boolean): readonly string[];
  /** The CSV cells by column. */
  csvCells(id: number, version: number, segment: boolean): ReadonlyMap<string, string>;
}

export interface TenantOptions extends AccountStyle {
  readonly accounts: number;
  /** @default 'flat' */
  readonly attributeShape?: AttributeShape;
  /** Other names of fields and attributes, as after a change of the tenant's data model. @default none */
  readonly renamed?: Readonly<Record<string, string>>;
  /** Makes the accounts instead of the style and the shape. */
  readonly maker?: AccountMaker | undefined;
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
  readonly #maker: AccountMaker;
  #spans: Span[];
  #nextId: number;
  readonly #versions = new Map<number, number>();

  constructor({ accounts, attributeShape = 'flat', renamed = {}, maker, ...style }: TenantOptions) {
    this.#maker = maker ?? styledAccounts(style, attributeShape, renamed);
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
    return id === undefined ? undefined : this.#maker.json(id, this.#versions.get(id) ?? 0, segment);
  }

  csvColumns(segment = false): readonly string[] {
    return this.#maker.csvColumns(segment);
  }

  /** The CSV cells of the account at an index, by column; `undefined` past the end. */
  csvCells(index: number, segment = false): ReadonlyMap<string, string> | undefined {
    const id = this.#idAt(index);
    return id === undefined ? undefined : this.#maker.csvCells(id, this.#versions.get(id) ?? 0, segment);
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

function styledAccounts(
  style: AccountStyle,
  attributeShape: AttributeShape,
  renamed: Readonly<Record<string, string>>,
): AccountMaker {
  const withNewNames = (values: ReadonlyMap<string, string>) =>
    new Map(Array.from(values, ([key, value]) => [renamed[key] ?? key, value] as const));
  const account = (id: number, version: number) => {
    const { fields, attributes } = simulateAccount(style, id, version);
    return { fields: withNewNames(fields), attributes: withNewNames(attributes) };
  };
  return {
    json(id, version, segment) {
      const { fields, attributes } = account(id, version);
      const parts = [...fields].map(([key, value]) => `"${key}":${value}`);
      const shape = attributeShape === 'mixed' ? ATTRIBUTE_SHAPES[id % 3] : attributeShape;
      parts.push(`"attributes":${inShape(attributes, shape)}`);
      if (segment) {
        const membership = simulateMembership(style, id);
        parts.push(
          `"segmentJoined":${membership.segmentJoined}`,
          `"segmentInputValues":${membership.segmentInputValues}`,
        );
      }
      return `{${parts.join(',')}}`;
    },
    csvColumns(segment) {
      const columns = [...FIELDS, ...ATTRIBUTES, ...(segment ? SEGMENT_FIELDS : [])];
      return columns.map((column) => renamed[column] ?? column);
    },
    csvCells(id, version, segment) {
      const { fields, attributes } = account(id, version);
      const cells = new Map([...fields, ...attributes].map(([key, value]) => [key, cellOf(value)]));
      if (segment) cells.set('segmentJoined', simulateMembership(style, id).segmentJoined);
      return cells;
    },
  };
}
