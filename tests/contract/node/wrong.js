// Payloads that are wrong in one place, and a few that are right. A check that finds nothing in a wrong one is worth nothing.
import { adaptiveFaults } from "./adaptive.js";
import { teamsManifestFaults } from "./manifest.js";
import { slackFaults } from "./slack.js";

const plain = (text, more = {}) => ({ type: "plain_text", text, ...more });
const section = (more = {}) => ({ type: "section", text: plain("It is open."), ...more });
const button = (more = {}) => ({ type: "button", action_id: "take", text: plain("I have it"), ...more });
const actions = (more) => ({ type: "actions", elements: [button(more)] });
const input = (element, more = {}) => ({ type: "input", block_id: "what", label: plain("What"), element, ...more });
const choice = (more = {}) => ({ text: plain("A"), value: "a", ...more });
const select = (more = {}) => input({ type: "static_select", action_id: "kind", options: [choice()], ...more });

const message = (...blocks) => ["Message", { text: "It is open.", blocks }];
const modal = (block, more = {}) => [
  "Modal",
  { type: "modal", title: plain("Report"), submit: plain("Send"), blocks: [block], ...more },
];
const home = (block, more = {}) => ["Home", { type: "home", blocks: [block], ...more }];

const SLACK = {
  right: [message(section(), actions({ style: "danger" })), modal(select()), home(section())],
  "an unknown block": [message({ type: "nonsense" }), modal({ type: "nonsense" }), home({ type: "nonsense" })],
  "a misspelt property of a block": [message(section({ texts: [] })), modal(section({ texts: [] }))],
  "a misspelt property of a text": [message(section({ text: plain("x", { emogi: false }) }))],
  "a misspelt property of a button": [message(actions({ vale: "1" })), home(actions({ vale: "1" }))],
  "a misspelt property of an option": [modal(select({ options: [choice({ hint: plain("x") })] }))],
  "a misspelt property of a view": [modal(section(), { metadata: "1" }), home(section(), { metadata: "1" })],
  "a button of an unknown style": [message(actions({ style: "default" }))],
  "a button without its text": [message({ type: "actions", elements: [{ type: "button", action_id: "take" }] })],
  "a text that is a bare string": [message(section({ text: "x" }))],
  "an input without a label": [modal({ type: "input", block_id: "what", element: { type: "plain_text_input" } })],
  "an input of an unknown element": [modal(input({ type: "nonsense", action_id: "what" }))],
  "a button as an input": [modal(input(button()))],
  "a date and time that is a text": [modal(input({ type: "datetimepicker", action_id: "when", initial_date_time: "now" }))],
  "a number of lines that is a text": [modal(input({ type: "plain_text_input", action_id: "what", max_length: "3000" }))],
  "a title in mrkdwn": [modal(section(), { title: { type: "mrkdwn", text: "Report" } })],
  "a home page that says it is a dialog": [home(section(), { type: "modal" })],
  "a message without its line for notifications": [["Message", { blocks: [section()] }]],
  "rich text of an unknown element": [message({ type: "rich_text", elements: [{ type: "rich_text_nonsense", elements: [] }] })],
  "a table with a cell of plain text": [message({ type: "table", rows: [[plain("x")]] })],
};

const run = (more = {}) => ({ type: "TextRun", text: "It is open.", ...more });
const text = (more = {}) => ({ type: "RichTextBlock", inlines: [run()], ...more });
const choices = (more = {}) => ({
  type: "Input.ChoiceSet",
  id: "kind",
  label: "Kind",
  choices: [{ title: "A", value: "a" }],
  ...more,
});
const set = (more = {}) => ({
  type: "ActionSet",
  actions: [{ type: "Action.Submit", title: "Send", data: { any: "thing" }, ...more }],
});
const card = (element, more = {}) => ({ type: "AdaptiveCard", version: "1.5", body: [element], ...more });

const TEAMS = {
  right: [card(text()), card(choices()), card(set(), { msteams: { width: "Full" } })],
  "an unknown element": [card({ type: "Nonsense" })],
  "an unknown action": [card(set({ type: "Action.Nonsense" }))],
  "a misspelt property of an element": [card(text({ spaceing: "None" }))],
  "a misspelt property of a text run": [card(text({ inlines: [run({ wieght: "Bolder" })] }))],
  "a misspelt property of an action": [card(set({ styles: "positive" }))],
  "a misspelt property of a choice": [card(choices({ choices: [{ title: "A", value: "a", hint: "x" }] }))],
  "a misspelt property of the card": [card(text(), { fallbacktext: "x" })],
  "an unknown size": [card({ type: "TextBlock", text: "x", size: "Huge" })],
  "an unknown style of a box": [card({ type: "Container", style: "red", items: [text()] })],
  "an unknown spacing": [card(text({ spacing: "Nothing" }))],
  "a choice of nothing": [card(choices({ choices: [] }))],
  "two inputs of one id": [card({ type: "Container", items: [choices(), choices()] })],
  "a required input without a label": [card(choices({ label: undefined, isRequired: true, errorMessage: "Please answer." }))],
  "a required input that says nothing": [card(choices({ isRequired: true }))],
  "another version": [card(text(), { version: "1.6" })],
  "no version": [card(text(), { version: undefined })],
  "no card": [{ ...card(text()), type: "Card" }],
  "a fault inside a question": [
    card(set({ type: "Action.ShowCard", data: undefined, card: { type: "AdaptiveCard", body: [{ type: "Nonsense" }] } })),
  ],
};

// Each spoils a right manifest in one place.
const MANIFESTS = {
  slack: {
    "no name": (it) => delete it.display_information.name,
    "a misspelt part": (it) => (it.featurs = {}),
    "a misspelt setting": (it) => (it.settings.socket_mode = true),
    "an unknown event": (it) => it.settings.event_subscriptions.bot_events.push("message.dm"),
    "an unknown scope": (it) => it.oauth_config.scopes.bot.push("chat:read"),
    "a shortcut of an unknown type": (it) => (it.features.shortcuts[0].type = "local"),
    "a command without its description": (it) => delete it.features.slash_commands[0].description,
    "a flag that is a text": (it) => (it.features.app_home.home_tab_enabled = "yes"),
  },
  teams: {
    "no version of a manifest": (it) => delete it.manifestVersion,
    "a version that there is not": (it) => (it.manifestVersion = "9.9"),
    "another version than it is written for": (it) => (it.manifestVersion = "1.10"),
    "an id that is none": (it) => (it.id = "{app_id}"),
    "a name that is too long": (it) => (it.name.short = "x".repeat(31)),
    "a misspelt part": (it) => (it.bot = []),
    "an unknown scope": (it) => it.bots[0].scopes.push("everywhere"),
    "no icons": (it) => delete it.icons,
    "an unknown permission": (it) => it.permissions.push("everything"),
    "an address that is none": (it) => (it.developer.websiteUrl = "nowhere"),
  },
};

/** The wrong payloads in which no fault is found, and the right ones in which one is. */
export function unnoticed(manifests) {
  return [
    ...missed("Slack", SLACK, ([name, payload]) => slackFaults(name, payload)),
    ...missed("Teams", TEAMS, adaptiveFaults),
    ...missedManifests(manifests),
  ];
}

/** How many wrong payloads there are for each platform. */
export const samples = Object.fromEntries(
  Object.entries({ Slack: { ...SLACK, ...MANIFESTS.slack }, Teams: { ...TEAMS, ...MANIFESTS.teams } }).map(
    ([platform, all]) => [platform, Object.keys(all).length - 1],
  ),
);

function missed(platform, samples, faults) {
  return Object.entries(samples).flatMap(([name, payloads]) => {
    const failing = payloads.filter((payload) => (faults(payload).length === 0) !== (name === "right"));
    return failing.map((payload) => `${platform}, ${name}: ${JSON.stringify(payload)}`);
  });
}

function missedManifests(manifests) {
  const checks = { slack: (it) => slackFaults("Manifest", it), teams: teamsManifestFaults };
  return manifests.flatMap(({ platform, name, payload }) =>
    Object.entries(MANIFESTS[platform]).flatMap(([what, spoil]) => {
      const spoilt = structuredClone(payload);
      spoil(spoilt);
      return checks[platform](spoilt).length ? [] : [`${name}, spoilt: ${what}`];
    }),
  );
}
