// Slack's payloads, held to JSON Schemas made of the types that Slack publishes for its own SDK.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Ajv } from "ajv";
import { createGenerator } from "ts-json-schema-generator";

const NAMES = ["Message", "Modal", "Home", "Manifest"];
const here = (name) => new URL(name, import.meta.url);

/** What is wrong with a payload of one of the NAMES: places and sentences. */
export function slackFaults(name, payload) {
  const valid = (validators[name] ??= ajv.getSchema(`#/definitions/${name}`));
  return valid(payload) ? [] : valid.errors.map((e) => ({ path: e.instancePath || "/", says: sentence(e) }));
}

const ajv = new Ajv({ allErrors: true, discriminator: true, strict: false });
const validators = {};
ajv.addSchema(cached(), "");

function sentence({ message, params }) {
  const told = params.additionalProperty ?? params.tagValue ?? params.allowedValue ?? params.allowedValues;
  return told === undefined ? message : `${message}: ${told}`.slice(0, 300);
}

/** To read all of the types takes seconds, so it is done once for each version of them. */
function cached() {
  const sources = ["types.ts", "slack.js", "package-lock.json"].map((name) => readFileSync(here(name)));
  const key = createHash("sha256").update(Buffer.concat(sources)).digest("hex").slice(0, 16);
  const file = here(`node_modules/.cache/slack-${key}.json`);
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    const made = generated();
    mkdirSync(here("node_modules/.cache/"), { recursive: true });
    writeFileSync(file, JSON.stringify(made));
    return made;
  }
}

function generated() {
  const options = { path: here("types.ts").pathname, skipTypeCheck: true, additionalProperties: false };
  const generator = createGenerator(options);
  const definitions = Object.assign({}, ...NAMES.map((name) => generator.createSchema(name).definitions));
  // Slack's own type takes any key at the top of a manifest, so that a misspelt one would pass.
  definitions.Manifest.additionalProperties = false;
  for (const definition of Object.values(definitions)) tellApart(definition, definitions);
  return { definitions };
}

/** Turns a union told apart by `type` into one that ajv decides by it, so that a fault is said once and not for each member. */
function tellApart(schema, definitions) {
  if (schema === null || typeof schema !== "object") return;
  if (schema.anyOf) {
    const byType = new Map();
    for (const member of flat(schema, definitions)) {
      const type = deref(member, definitions).properties?.type?.const;
      byType.set(type, [...(byType.get(type) ?? []), member]);
    }
    if (byType.size > 1 && !byType.has(undefined)) {
      const oneOf = [...byType].map(([type, alike]) => (alike.length === 1 ? alike[0] : ofType(type, alike)));
      delete schema.anyOf;
      Object.assign(schema, { type: "object", required: ["type"], discriminator: { propertyName: "type" }, oneOf });
    }
  }
  Object.values(schema).forEach((inner) => tellApart(inner, definitions));
}

function ofType(type, anyOf) {
  return { properties: { type: { const: type } }, required: ["type"], anyOf };
}

function flat(schema, definitions) {
  const found = deref(schema, definitions);
  // One that was rewritten already is a union still.
  const union = found.anyOf ?? (found.discriminator && found.oneOf);
  return union ? union.flatMap((member) => flat(member, definitions)) : [schema];
}

function deref(schema, definitions) {
  return schema.$ref ? deref(definitions[decodeURIComponent(schema.$ref.split("/").pop())], definitions) : schema;
}
