/** Accounts of a simulated B2B tenant. Each is a pure function of seed, id and version, generated on demand. */

export interface AccountStyle {
  readonly seed: number;
  /** Adds values that break exporters: quotes, backslashes, line breaks, Unicode beyond the BMP, long integers. */
  readonly nasty: boolean;
  /** Some accounts have a field that no table declares. @default nasty */
  readonly unknownField?: boolean | undefined;
}

/** The tenant's attributes, in the order of the CSV columns. */
export const ATTRIBUTES = [
  'industry',
  'region',
  'employees',
  'annualRevenue',
  'owner',
  'tier',
  'crmId',
  'tags',
  'note',
] as const;

/** One account: raw JSON text by field. */
export interface SimulatedAccount {
  readonly fields: ReadonlyMap<string, string>;
  readonly attributes: ReadonlyMap<string, string>;
}

const STEMS = [
  'Acme',
  'Globex',
  'Initech',
  'Umbrella',
  'Hooli',
  'Stark',
  'Wayne',
  'Soylent',
  'Vandelay',
  'Wonka',
  'Tyrell',
  'Cyberdyne',
];
const FORMS = ['Inc.', 'GmbH', 'Ltd', 'S.A.', 'AG', 'K.K.', 'B.V.', 'LLC', 'ApS', 'Oy'];
const NASTY_NAMES = [
  'Müller & Söhne',
  'O\'Reilly "Media"',
  'Back\\slash Works',
  ' Leading Blank',
  'Comma, Inc',
  '株式会社サンプル',
  'Rocket 🚀 Labs',
  'Line\u2028Separator',
  'Tab\tStop',
  'NaN',
  'null',
  '=SUM(A1:A9)',
];
const INDUSTRIES = ['Software', 'Banking', 'Pharma', 'Retail', 'Energy', 'Logistics'];
const REGIONS = ['EMEA', 'AMER', 'APAC'];
const NASTY_NOTES = [
  '',
  'NaN',
  'a "quoted" word',
  'C:\\temp\\new',
  '  two blanks',
  'first\nsecond',
  'first\r\nsecond',
  'ends in \\',
  "it's; fine, really",
  '\\N',
  'ümlaut 🦄 \u2029 end',
];

/** Account `id` in its `version`. Numbers are JSON text, because some have more digits than a double can hold. */
export function simulateAccount(
  { seed, nasty, unknownField = nasty }: AccountStyle,
  id: number,
  version: number,
): SimulatedAccount {
  const random = randomOf(seed, id, version);
  const stable = randomOf(seed, id, 0);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const text = (value: string) => JSON.stringify(value);
  const plainName = `${STEMS[Math.floor(stable() * STEMS.length)]} ${FORMS[Math.floor(stable() * FORMS.length)]} ${id}`;
  const name = nasty && stable() < 0.3 ? `${NASTY_NAMES[Math.floor(stable() * NASTY_NAMES.length)]} ${id}` : plainName;
  const firstActivity = 1_358_640_000_000 + Math.floor(random() * 300_000_000_000);
  const fields = new Map([
    ['name', text(name)],
    ['engagementScore', random().toFixed(3)],
    ['engagementPercentChange', (random() * 2 - 1).toFixed(3)],
    ['firstActivity', String(firstActivity)],
    ['lastActivity', String(firstActivity + Math.floor(random() * 100_000_000_000))],
    ['totalActions', String(Math.floor(random() * 5000))],
    ['accountStatus', text(pick(['Active', 'Prospect', 'Churned', '']))],
  ]);
  const attributes = new Map([
    ['industry', text(pick(INDUSTRIES))],
    ['region', text(pick(REGIONS))],
    ['employees', String(Math.floor(random() * 100_000))],
    [
      'annualRevenue',
      nasty ? pick(['1.10', '9007199254740993', '1234567.80', '0.1', '1E+3']) : String(Math.floor(random() * 1e9)),
    ],
    ['owner', text(pick(['Ana García', 'Bo Li', 'Chloé D.', 'Dmitri П.']))],
    ['tier', text(pick(['1', '2', '3']))],
  ]);
  if (nasty) {
    attributes.set('crmId', `${9_100_000_000_000_000_000n + BigInt(id)}`);
    attributes.set('tags', pick(['["a","b, c"]', '{"deep":{"x":[1,2.50,null]}}', '[]', 'null', '"plain"', 'true']));
    attributes.set('note', text(pick(NASTY_NOTES)));
    if (random() < 0.2) attributes.delete(pick(ATTRIBUTES));
    if (random() < 0.1)
      fields.delete(pick(['accountStatus', 'engagementPercentChange', 'firstActivity', 'totalActions']));
  }
  if (unknownField && random() < 0.05) fields.set('healthIndex', random().toFixed(2));
  return { fields, attributes };
}

/** The fields that a segment export adds to an account. */
export function simulateMembership(
  { seed }: AccountStyle,
  id: number,
): { segmentJoined: string; segmentInputValues: string } {
  const random = randomOf(seed, id, -1);
  return {
    segmentJoined: String(1_400_000_000_000 + Math.floor(random() * 200_000_000_000)),
    segmentInputValues: JSON.stringify({ minActions: String(Math.floor(random() * 50)), region: 'EMEA' }),
  };
}

/** A pseudorandom generator (mulberry32) seeded with all three numbers. */
function randomOf(seed: number, id: number, version: number): () => number {
  let state =
    (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(id + 1, 0xc2b2ae35) ^ Math.imul(version + 7, 0x27d4eb2f)) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
