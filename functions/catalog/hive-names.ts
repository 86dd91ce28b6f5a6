/** Glue refuses longer names of columns. Source: Glue API reference, "Column". */
const LONGEST = 255;

/**
 * Names for columns as Glue and Athena take them: lower case letters, digits and underscores.
 *
 * @param reserved names that are taken already, such as the partition keys of the table
 * @returns one name for each text, in the same order; where two would be alike, the later ones are numbered
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
    let name = base.slice(0, LONGEST);
    for (let n = 2; taken.has(name); n++) name = `${base.slice(0, LONGEST - `_${n}`.length)}_${n}`;
    taken.add(name);
    return name;
  });
}
