// `make contract`: every card and form of the corpus, and both manifests, held to what Slack and Microsoft publish.
import { readFileSync } from "node:fs";
import { adaptiveFaults } from "./adaptive.js";
import { teamsManifestFaults } from "./manifest.js";
import { slackFaults } from "./slack.js";
import { samples, unnoticed } from "./wrong.js";

const SLACK_NAMES = { message: "Message", modal: "Modal", home: "Home" };
const MANIFESTS = { slack: (payload) => slackFaults("Manifest", payload), teams: teamsManifestFaults };

const { cards, manifests } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const faults = [];

function check(platform, name, found) {
  faults.push(...found.map(({ path, says }) => `${platform}: ${name}: ${path}: ${says}`));
}

for (const { name, surface, slack, teams } of cards) {
  check("Slack", name, slackFaults(SLACK_NAMES[surface], slack));
  check("Teams", name, adaptiveFaults(teams));
}
for (const { name, platform, payload } of manifests) check(platform, name, MANIFESTS[platform](payload));
for (const name of unnoticed(manifests)) faults.push(`The checks themselves are wrong about ${name}`);

for (const fault of faults) console.error(fault);
const surfaces = Object.keys(SLACK_NAMES).map((s) => `${cards.filter(({ surface }) => surface === s).length} ${s}s`);
console.log(`Slack: ${cards.length} cards checked (${surfaces.join(", ")})`);
console.log(`Teams: ${cards.length} cards checked`);
console.log(`Wrong on purpose: ${samples.Slack} for Slack, ${samples.Teams} for Teams`);
console.log(`Manifests: ${manifests.length} checked`);
console.log(faults.length ? `${faults.length} faults` : "No faults");
process.exit(faults.length || !cards.length || !manifests.length ? 1 : 0);
