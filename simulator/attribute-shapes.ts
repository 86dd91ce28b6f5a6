/** Shapes of `attributes` that Salesforce documents; `mixed` alternates between them. */
export const ATTRIBUTE_SHAPES = ['flat', 'array', 'objects', 'mixed'] as const;
export type AttributeShape = (typeof ATTRIBUTE_SHAPES)[number];

/** Attributes as JSON. @param attributes JSON text by name */
export function inShape(attributes: ReadonlyMap<string, string>, shape: AttributeShape | undefined): string {
  const members = (memberOf: (key: string, value: string) => string) =>
    Array.from(attributes, ([key, value]) => memberOf(JSON.stringify(key), value)).join(',');
  switch (shape) {
    case 'array':
      return `[${members((key, value) => `{"name":${key},"value":${value},"updated":1360195200000}`)}]`;
    case 'objects':
      return `{${members((key, value) => `${key}:{"value":${value},"metadata":{"updated":1360195200000}}`)}}`;
    default:
      return `{${members((key, value) => `${key}:${value}`)}}`;
  }
}

/** A CSV cell: strings lose their quotes, null is empty, everything else stays JSON text. */
export function cellOf(json: string): string {
  if (json === 'null') return '';
  return json.startsWith('"') ? (JSON.parse(json) as string) : json;
}
