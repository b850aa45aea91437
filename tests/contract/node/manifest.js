// The app's manifest for Teams, held to the schema of its own version that Microsoft publishes.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import Ajv from "ajv-draft-04";
import addFormats from "ajv-formats";

const ajv = new Ajv({ allErrors: true, strict: false });
addFormats(ajv);
const published = createRequire(import.meta.url).resolve("@microsoft/app-manifest/package.json");
const validators = {};

/** What is wrong with a Teams manifest: places and sentences. */
export function teamsManifestFaults(manifest) {
  const version = manifest.manifestVersion;
  try {
    validators[version] ??= ajv.compile(schema(version));
  } catch (wrong) {
    return [{ path: "/manifestVersion", says: `no schema of version ${version}: ${wrong.message}` }];
  }
  const valid = validators[version];
  return valid(manifest) ? [] : valid.errors.map((e) => ({ path: e.instancePath || "/", says: `${e.message} (${told(e)})` }));
}

function told({ params }) {
  return Object.values(params).join(", ");
}

function schema(version) {
  const file = new URL(`build/json-schemas/teams/v${version}/MicrosoftTeams.schema.json`, `file://${published}`);
  return JSON.parse(readFileSync(file, "utf8"));
}
