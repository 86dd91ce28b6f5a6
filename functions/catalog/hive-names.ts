/** Source: Glue API reference, "Column". */
const MAX_NAME = 255;

/**
 * Turns texts into column names for Glue and Athena: lowercase letters, digits and underscores. Names that would be equal get
 * numbers.
 *
 * @param reserved names not to use, such as partition keys
 * @returns one name per text, in the same order
 */
export function hiveNames(texts: readonly string[], reserved: readonly string[] = []): string[] {
  const taken = new Set(reserved);
  return texts.map((text) => {
    const plain = text
      .normalize('NFKD')
      .replaceAll(/[\u0300-\u036f]/g, '')
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '_')
      .replaceAll(/^_+|_+$/g, '');
    const base = plain === '' ? 'column' : /^\d/.test(plain) ? `_${plain}` : plain;
    let name = base.slice(0, MAX_NAME);
    for (let n = 2; taken.has(name); n++) name = `${base.slice(0, MAX_NAME - `_${n}`.length)}_${n}`;
    taken.add(name);
    return name;
  });
}
