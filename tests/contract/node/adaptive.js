// Cards for Teams, held to Microsoft's own renderer: what it makes of them, and which properties it knows.
import AC from "adaptivecards/dist/adaptivecards.js";

// What the renderer finds fault with and Teams takes, each with its reason. `path` is matched against the place of the fault.
const ALLOWED = [
  { path: /\/msteams$/, says: /^unknown property/, why: "Teams' own: how wide the card is shown" },
  { of: "choices.data", says: /^Property "choices.data" is supported in version 1.6/, why: "Teams has had it since 1.5" },
  { of: "choices.data", says: /at least one choice/, why: "a list that is searched as one types may begin empty" },
];

const VERSION = AC.Versions.v1_5; // what Teams shows

// Without it the renderer forgets the JSON that an object was made of, and with it the place of a fault.
AC.GlobalSettings.enableFullJsonRoundTrip = true;

/** What is wrong with a card: places and sentences. */
export function adaptiveFaults(payload) {
  const places = new Map(pieces(payload));
  const context = new AC.SerializationContext(VERSION);
  const card = new AC.AdaptiveCard();
  card.parse(payload, context);
  const events = Array.from({ length: context.eventCount }, (_, number) => context.getEventAt(number));
  events.push(...card.validateProperties().validationEvents);
  const found = events.map(({ source, message }) => ({ piece: source?._rawProperties, says: message }));
  for (const [piece] of places) found.push(...unknown(piece, places.get(piece)));
  if (payload.type !== "AdaptiveCard" || payload.version !== VERSION.toString()) {
    found.push({ path: "", says: `no AdaptiveCard of version ${VERSION}` });
  }
  return found
    .filter((fault) => !allowed(fault))
    .map(({ path, piece, says }) => ({ path: path ?? places.get(piece) ?? "somewhere", says }));
}

function allowed({ path = "", piece = {}, says }) {
  return ALLOWED.some((one) => one.says.test(says) && (one.path?.test(path) ?? true) && (!one.of || one.of in piece));
}

/** Every object of a card with its place. What a button hands back is ours, and no piece of the card. */
function* pieces(found, path = "") {
  if (found === null || typeof found !== "object") return;
  if (!Array.isArray(found)) yield [found, path];
  for (const [key, value] of Object.entries(found)) {
    if (key !== "data" && key !== "msteams") yield* pieces(value, `${path}/${key}`);
  }
}

// Misspelt properties, which the renderer passes over

const WITHOUT_TYPE = { choices: AC.Choice, columns: AC.TableColumnDefinition };
const TYPES = {
  AdaptiveCard: AC.AdaptiveCard,
  Column: AC.Column,
  TableRow: AC.TableRow,
  TableCell: AC.TableCell,
  "Data.Query": AC.ChoiceSetInputDataQuery,
};
// What the renderer reads by hand, so that it is not among the properties that it lists.
const INNER = {
  AdaptiveCard: ["body", "actions", "$schema"],
  Container: ["items"],
  Column: ["items"],
  TableCell: ["items"],
  ColumnSet: ["columns"],
  Table: ["rows"],
  TableRow: ["cells"],
  RichTextBlock: ["inlines"],
  ActionSet: ["actions"],
  "Action.ShowCard": ["card"],
};
for (const registry of [AC.GlobalRegistry.defaultElements, AC.GlobalRegistry.defaultActions]) {
  for (let number = 0; number < registry.getItemCount(); number++) {
    const { typeName, objectType } = registry.getItemAt(number);
    TYPES[typeName] = objectType;
  }
}

function unknown(piece, path) {
  const type = piece.type === undefined ? WITHOUT_TYPE[path.split("/").at(-2)] : TYPES[piece.type];
  if (!type) return [{ path, says: `unknown type ${piece.type}` }];
  const known = properties(type);
  const strange = Object.keys(piece).filter((key) => !known.has(key) && !INNER[piece.type]?.includes(key));
  return strange.map((key) => ({ path: `${path}/${key}`, says: `unknown property of ${piece.type ?? type.name}` }));
}

const cache = new Map();

function properties(type) {
  if (!cache.has(type)) {
    const schema = new type().getSchema();
    cache.set(type, new Set(Array.from({ length: schema.getCount() }, (_, number) => schema.getItemAt(number).name)));
  }
  return cache.get(type);
}
