/** What a tenant's API is like, without any value of an account: `doctor --save` writes it, `simulate --from` plays it. */
import * as z from 'zod';

export const VALUE_TYPES = [
  'text',
  'integer',
  // Beyond 2^53: a double rounds it.
  'longInteger',
  'decimal',
  'boolean',
  'array',
  'object',
] as const;
export type ValueType = (typeof VALUE_TYPES)[number];

/** A record limit of 100 limits the sample, too. */
const count = z.int().min(0).max(1000);
/** Of a field, an attribute or a column, in UTF-16 code units. */
export const MAX_NAME_LENGTH = 1000;
/** Fields, attributes of a map, or columns. */
export const MAX_NAMES = 10_000;
export const MAX_ACCOUNTS = 1_000_000_000;
const name = z.string().max(MAX_NAME_LENGTH);
const bytesUpTo = z
  .int()
  .min(0)
  .max(2 ** 20);

const ValuesSchema = z.strictObject({
  type: z.enum(VALUE_TYPES),
  /** Accounts of the sample with a value of this type. */
  accounts: count.min(1),
  /** Of texts: the smallest and the largest number of characters, each rounded up to a power of two. */
  characters: z.tuple([bytesUpTo, bytesUpTo]).optional(),
});

const MemberSchema = z.strictObject({
  name,
  /** Accounts of the sample with a value. */
  present: count,
  /** Accounts of the sample with null. */
  nulls: count,
  values: z.array(ValuesSchema).max(VALUE_TYPES.length),
});
export type MemberProfile = z.infer<typeof MemberSchema>;

const ShapesSchema = z.strictObject({ flat: count, array: count, objects: count, other: count });
/** How many accounts have which shape of a map. */
export type MapShapes = z.infer<typeof ShapesSchema>;

const FieldSchema = MemberSchema.extend({
  /** Of `attributes` and `segmentInputValues`. The members are counted in the first three shapes. */
  map: z.strictObject({ shapes: ShapesSchema, members: z.array(MemberSchema).max(MAX_NAMES) }).optional(),
});
export type FieldProfile = z.infer<typeof FieldSchema>;

const BodySchema = z.strictObject({
  /** Such as `application/json`; `null` if the API sends none or another text. */
  contentType: z
    .string()
    .regex(/^[\w.+-]{1,60}\/[\w.+-]{1,60}$/)
    .nullable(),
  charset: z
    .string()
    .regex(/^[\w.:-]{1,40}$/)
    .nullable(),
  byteOrderMark: z.boolean(),
});
export type BodyProfile = z.infer<typeof BodySchema>;

export const FingerprintSchema = z.strictObject({
  version: z.literal(1),
  /** `null` if they were not counted. */
  accounts: z.int().min(0).max(MAX_ACCOUNTS).nullable(),
  /** Accounts that were looked at. */
  sample: count.min(1),
  encoding: z.enum(['gzip', 'deflate', 'br']).nullable(),
  json: BodySchema.extend({ fields: z.array(FieldSchema).max(MAX_NAMES) }),
  csv: BodySchema.extend({
    columns: z.array(name).min(1).max(MAX_NAMES),
    finalNewline: z.boolean(),
    lineEnd: z.enum(['\n', '\r\n']),
  }).nullable(),
  paging: z.strictObject({
    order: z.enum(['stable', 'changed', 'unstable']).nullable(),
    /** Whether `page × pageSize` is an offset. */
    offsets: z.enum(['offsets', 'other', 'ignored']).nullable(),
    /** `null` if the API serves all page sizes that were requested. */
    pageSizeCap: count.min(1).nullable(),
  }),
  latency: z.strictObject({ requestMs: z.number().min(0), perAccountMs: z.number().min(0) }),
});
/** The names of fields, attributes and columns are not account data. */
export type Fingerprint = z.infer<typeof FingerprintSchema>;
