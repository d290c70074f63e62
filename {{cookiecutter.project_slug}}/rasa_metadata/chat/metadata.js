// Metadata as the page holds it, and how a link's parameters become it.

/**
 * Read parameters such as `account.plan=pro` as metadata of the types that the contract names.
 * What the contract does not know is passed over, and what only a token may say is a problem.
 *
 * @param {URLSearchParams} parameters
 * @param {object} schema the answer of GET schema
 * @returns {{metadata: object, problems: {path: string, value: string}[]}}
 */
export function fromParameters(parameters, schema) {
  let metadata = {};
  const problems = [];
  for (const path of new Set(parameters.keys())) {
    const rules = rulesAt(schema, path.split("."));
    if (!rules) continue;
    const values = parameters.getAll(path);
    const value = rules.readOnly ? undefined : coerced(values, rules);
    if (value === undefined) problems.push({ path, value: values.at(-1) });
    else metadata = merged(metadata, nested(path.split("."), value));
  }
  return { metadata, problems };
}

/** Return `known` with what was told since: per path the later wins, null included. */
export function merged(known, metadata_events) {
  const both = Object.entries(told).map(([key, value]) => [
    key,
    isObject(value) && isObject(known[key]) ? merged(known[key], value) : value,
  ]);
  return { ...known, ...Object.fromEntries(both) };
}

/** Return metadata without the value at a dotted path. */
export function without(metadata, [key, ...rest]) {
  const { [key]: inside, ...others } = metadata;
  if (!rest.length || !isObject(inside)) return others;
  return { ...others, [key]: without(inside, rest) };
}

/** Return [dotted path, value] of all that metadata says. */
export function leaves(metadata, above = "") {
  return Object.entries(metadata).flatMap(([key, value]) =>
    isObject(value) ? leaves(value, `${above}${key}.`) : [[above + key, value]],
  );
}

function rulesAt(schema, [key, ...rest]) {
  const { properties = {} } = schema;
  if (key === undefined) return schema;
  return Object.hasOwn(properties, key) ? rulesAt(properties[key], rest) : undefined;
}

/** Return a parameter's value in the type that the rules want; undefined if it has none. */
function coerced(values, rules) {
  const text = values.at(-1);
  const wanted = rules.then ?? rules; // a pattern is asked only after a length
  if (wanted.enum) return wanted.enum.find((each) => each !== null && String(each) === text);
  switch ([wanted.type].flat().find((each) => each !== "null")) {
    case "string":
      return text;
    case "boolean":
      return { true: true, 1: true, false: false, 0: false }[text];
    case "number":
      return text.trim() && Number.isFinite(Number(text)) ? Number(text) : undefined;
    case "array":
      return parsed(text, Array.isArray) ?? values;
    case "object":
      return parsed(text, isObject);
    default:
      return parsed(text, () => true) ?? text;
  }
}

function parsed(text, wanted) {
  try {
    const value = JSON.parse(text);
    return wanted(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function nested(path, value) {
  return path.reduceRight((inside, key) => ({ [key]: inside }), value);
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
