// Metadata as the page holds it, and how a link's parameters become it.

// What markdown or an address could be made of. "Ada", "J. Smith", "/cart" and "1,5" contain
// nothing of it.
const MARKUP = /[[\]<>:&@\\]|\/\/|\.\S/;

/**
 * Read parameters such as `account.plan=pro` as metadata of the types in the contract. Unknown
 * ones are ignored; a value of a wrong type, or that only a token may set, is a problem.
 *
 * @param {URLSearchParams} parameters
 * @param {object} schema the contract
 * @returns {{metadata: object, plain: boolean, problems: object[]}} `plain` if what the bot says
 *   with these values has to be shown without links and pictures
 */
export function fromParameters(parameters, schema) {
  let metadata = {};
  let plain = false;
  const problems = [];
  for (const name of new Set(parameters.keys())) {
    const path = name.split(".");
    const rules = rulesAt(schema, path);
    if (!rules) continue;
    const values = parameters.getAll(name);
    const value = rules.readOnly ? undefined : coerced(values, rules);
    const signed = Boolean(rules.readOnly);
    if (value === undefined) problems.push({ path, value: values.at(-1), signed });
    else metadata = merged(metadata, nested(path, value));
    plain ||= [value].flat(Infinity).some(hasMarkup);
  }
  return { metadata, plain, problems };
}

/** Return metadata with later metadata over it; per path the later takes precedence. */
export function merged(known, later) {
  const both = Object.entries(later).map(([key, value]) => [
    key,
    isObject(value) && isObject(known[key]) ? merged(known[key], value) : value,
  ]);
  return { ...known, ...Object.fromEntries(both) };
}

/** Return metadata without the value at a path. */
export function without(metadata, [key, ...rest]) {
  const { [key]: inside, ...others } = metadata;
  if (!rest.length || !isObject(inside)) return others;
  return { ...others, [key]: without(inside, rest) };
}

export function valueAt(metadata, path) {
  return path.reduce((inside, key) => inside?.[key], metadata);
}

/** Return [label, value] of all that metadata contains; what fills a slot is one value. */
export function labelled(metadata, schema) {
  return Object.entries(metadata).flatMap(([key, value]) => {
    const rules = rulesAt(schema, [key]);
    const isValue = !isObject(value) || rules?.title !== undefined;
    return isValue ? [[labelOf(schema, [key]), value]] : labelled(value, rules ?? {});
  });
}

/** Return the label of the slot at a path or above it; in words, what no slot has. */
export function labelOf(schema, path) {
  const slot = path.map((_, index) => rulesAt(schema, path.slice(0, index + 1)));
  return slot.find((rules) => rules?.title)?.title ?? path.at(-1).replaceAll("_", " ");
}

function rulesAt(schema, [key, ...rest]) {
  if (key === undefined) return schema;
  const { properties = {} } = schema;
  return Object.hasOwn(properties, key) ? rulesAt(properties[key], rest) : undefined;
}

/** Return a parameter's value in the type that the rules want; undefined if it has none. */
function coerced(values, rules) {
  const text = values.at(-1);
  const wanted = rules.anyOf?.at(-1) ?? rules; // null, which clears a slot, is the other one
  if (wanted.enum) return wanted.enum.find((each) => each !== null && String(each) === text);
  const [type, ...others] = [wanted.type].flat().filter((each) => each !== "null");
  switch (others.length ? "any" : type) {
    case "string":
      return text;
    case "boolean":
      return { true: true, 1: true, false: false, 0: false }[text];
    case "integer":
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

function hasMarkup(value) {
  return isObject(value) || (typeof value === "string" && MARKUP.test(value));
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
