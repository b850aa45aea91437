// The console: a chat page that stands in for Slack and Teams. It draws what bot/console/server.py sends and passes on what is
// said, pressed and filled in. Fragments come from cards/html.py, escaped there; whatever else is shown here goes in as text.

const ROOT = "/console/api/";
const TYPING_PAUSE = 600;
const SUGGEST_PAUSE = 150;
const TROUBLE_PAUSE = 1200;
const NEAR_END = 120;

const page = Object.fromEntries([...document.querySelectorAll("[id]")].map((node) => [node.id, node]));
let token = tokenIn(document);

/** Where we are. `visit` counts changes of persona or place, so that a late answer to an earlier one is dropped. */
const state = {
  world: null,
  persona: null,
  place: null,
  visit: 0,
  loaded: Promise.resolve(),
  unread: new Set(),
  denied: new Set(),
};

// Small helpers ---------------------------------------------------------------------------------------------------------------

/** An element with attributes (true: without a value; null or false: left out) and children, strings as text. */
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue;
    node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** An icon drawn with one line. */
function icon(shape) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", shape);
  svg.append(path);
  return svg;
}

/** A fragment that the server escaped. */
function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

/** A function that runs once the calls to it pause. `flush` runs it now if it is waiting. */
function debounce(pause, run) {
  let timer = 0;
  let waiting = null;
  const fire = () => {
    clearTimeout(timer);
    const call = waiting;
    waiting = null;
    if (call) run(...call);
  };
  const later = (...call) => {
    waiting = call;
    clearTimeout(timer);
    timer = setTimeout(fire, pause);
  };
  later.flush = fire;
  later.cancel = () => {
    clearTimeout(timer);
    waiting = null;
  };
  return later;
}

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

function announce(text) {
  page.status.textContent = "";
  setTimeout(() => (page.status.textContent = text), 60);
}

/** What is kept on this computer; a browser that keeps nothing is no reason to fail. */
function remember(store, key, value) {
  try {
    if (value === undefined) return store.getItem(key);
    store.setItem(key, value);
  } catch {
    // Private windows may refuse.
  }
  return null;
}

// Talking to the server -------------------------------------------------------------------------------------------------------

/** Something that a person can be told. */
class Trouble extends Error {
  constructor(words, status = 0, said = false) {
    super(words);
    Object.assign(this, { status, said });
  }
}

async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(ROOT + path, { cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Trouble("The bot cannot be reached. Is it still running?");
  }
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body;
  if (response.ok && options.method === "POST") return {};
  const failed = `The bot failed (${response.status}).`;
  const words = response.status === 403 ? "The bot was started anew. Reload this page." : failed;
  throw new Trouble(body?.error ?? words, response.status, Boolean(body?.error));
}

const get = (path, query, options) => request(`${path}?${new URLSearchParams(query)}`, options);

/** Post to the server. A token that it does not know is from before it was started anew: fetch the new one and try again. */
async function post(path, body, options = {}) {
  const content = JSON.stringify({ persona: state.persona, place: state.place, ...body });
  const send = () => {
    const headers = { "Content-Type": "application/json", "X-Console-Token": token };
    return request(path, { method: "POST", headers, body: content, ...options });
  };
  try {
    return await send();
  } catch (error) {
    if (error.status !== 403 || !(await renewToken())) throw error;
    return send();
  }
}

function tokenIn(tree) {
  return tree.querySelector('meta[name="console-token"]')?.content ?? "";
}

/** Whether the page has another token by now. */
async function renewToken() {
  const fresh = await fetch("/console/", { cache: "no-store" }).then((response) => response.text(), () => "");
  const before = token;
  token = tokenIn(new DOMParser().parseFromString(fresh, "text/html")) || token;
  return token !== before;
}

// Persona and place -----------------------------------------------------------------------------------------------------------

const personaOf = (id) => state.world.personas.find((persona) => persona.id === id);
const placeOf = (id) => state.world.places.find((place) => place.id === id);

const addressOf = (persona, place) => `#${new URLSearchParams({ persona, place })}`;

/** What the address asks for, or the first of each. */
function wanted() {
  const asked = new URLSearchParams(location.hash.slice(1));
  return {
    persona: (personaOf(asked.get("persona")) ?? state.world.personas[0]).id,
    place: (placeOf(asked.get("place")) ?? state.world.places[0]).id,
  };
}

async function follow() {
  const { persona, place } = wanted();
  const address = addressOf(persona, place);
  if (location.hash !== address) history.replaceState(null, "", address);
  if (persona === state.persona && place === state.place) return;
  const switched = persona !== state.persona;
  Object.assign(state, { persona, place });
  if (switched) {
    state.unread.clear();
    state.denied.clear();
    drawPersona();
    openStream();
  }
  state.unread.delete(place);
  closeMenu(false);
  drawPlaces();
  drawPlace();
  const loading = load();
  if (switched) lookAround();
  await loading;
}

function drawPersonas() {
  page.persona.replaceChildren(
    ...state.world.personas.map((persona) => {
      const words = persona.title ? `${persona.name} · ${persona.title}` : persona.name;
      return make("option", { value: persona.id }, words);
    }),
  );
}

function drawPersona() {
  const persona = personaOf(state.persona);
  page.persona.value = persona.id;
  dressAvatar(page["persona-avatar"], persona.name);
  announce(`You are ${persona.name}, ${persona.title}`);
}

const initialsOf = (name) => {
  const words = name.split(/\s+/u).filter((word) => /^\p{L}/u.test(word) && !/^(mr|mrs|ms|miss|mx|dr|sir)\.?$/iu.test(word));
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  return ends.map((word) => [...word][0].toUpperCase()).join("") || "?";
};

const hueOf = (name) => [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 9973, 7) % 8;

function dressAvatar(node, name) {
  node.className = `avatar hue-${hueOf(name)}`;
  node.textContent = initialsOf(name);
}

const PLACE_SHAPES = {
  dm: "M4 5h16v11H9l-5 4z",
  channel: "M9.5 4l-2 16M16.5 4l-2 16M4.5 9h16M3.5 15h16",
  locked: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
};

function drawPlaces() {
  page.places.replaceChildren(...state.world.places.map(placeItem));
  const unread = state.unread.size;
  page["menu-dot"].hidden = unread === 0;
  page["menu-words"].textContent = unread ? "Places, something unread" : "Places";
  document.title = `${unread ? `(${unread}) ` : ""}${placeOf(state.place).name} · E-safety bot`;
}

function placeItem(place) {
  const here = place.id === state.place;
  const unread = state.unread.has(place.id);
  const locked = state.denied.has(place.id);
  return make(
    "li",
    {},
    make(
      "a",
      {
        class: `place${unread ? " place-unread" : ""}`,
        href: addressOf(state.persona, place.id),
        "aria-current": here ? "page" : null,
      },
      icon(PLACE_SHAPES[locked ? "locked" : place.kind] ?? PLACE_SHAPES.channel),
      make("span", { class: "place-label" }, place.name),
      locked ? make("span", { class: "visually-hidden" }, ", you are not a member") : null,
      unread ? make("span", { class: "dot" }, make("span", { class: "visually-hidden" }, ", unread")) : null,
    ),
  );
}

function drawPlace() {
  const place = placeOf(state.place);
  page["place-name"].textContent = place.name;
  page["place-hint"].textContent = place.hint ?? "";
  page.members.hidden = true;
}

function drawMembers(members) {
  const shown = members.length > 0 && placeOf(state.place).kind !== "dm";
  page.members.hidden = !shown;
  page.members.open = false;
  page["members-count"].textContent = members.length === 1 ? "1 member" : `${members.length} members`;
  page["members-list"].replaceChildren(...members.map((name) => make("li", {}, name)));
}

/** Which other places hold something that this persona has not seen, and which are closed to them. */
async function lookAround() {
  const persona = state.persona;
  const others = state.world.places.filter((place) => place.id !== state.place);
  await Promise.all(
    others.map(async (place) => {
      const answer = await get("messages", { persona, place: place.id }).catch(() => null);
      if (!answer || persona !== state.persona) return;
      if (answer.denied) state.denied.add(place.id);
      const latest = Math.max(0, ...answer.messages.map((message) => message.id));
      if (latest !== seen(place.id) && latest > 0 && place.id !== state.place) state.unread.add(place.id);
    }),
  );
  if (persona === state.persona) drawPlaces();
}

const seenKey = (place) => `seen ${state.persona} ${place}`;
const seen = (place) => Number(remember(sessionStorage, seenKey(place)) ?? 0);

function markSeen() {
  const ids = [...page.log.querySelectorAll("[data-message]")].map((node) => Number(node.dataset.message));
  if (ids.length) remember(sessionStorage, seenKey(state.place), String(Math.max(...ids)));
}

// The log ---------------------------------------------------------------------------------------------------------------------

/** Load the place's messages. Those that arrive meanwhile wait for `state.loaded`. */
function load() {
  const visit = ++state.visit;
  state.loaded = loadMessages(visit);
  return state.loaded;
}

async function loadMessages(visit) {
  page.log.setAttribute("aria-busy", "true");
  let answer;
  try {
    answer = await get("messages", { persona: state.persona, place: state.place });
  } catch (error) {
    if (visit === state.visit) drawEmpty(error.message);
    return;
  }
  if (visit !== state.visit) return;
  drawMembers(answer.members ?? []);
  page.composer.classList.toggle("composer-closed", Boolean(answer.denied));
  if (answer.denied) {
    state.denied.add(state.place);
    drawPlaces();
  }
  if (answer.denied) drawEmpty(answer.denied, PLACE_SHAPES.locked);
  else if (answer.messages.length === 0) drawEmpty("No messages here yet. Press “Report a concern”, or type / for commands.");
  else drawMessages(answer.messages);
  page.log.removeAttribute("aria-busy");
  toEnd(false);
  markSeen();
}

function drawEmpty(words, shape = PLACE_SHAPES.dm) {
  page.log.removeAttribute("aria-busy");
  page.log.replaceChildren(make("div", { class: "empty" }, icon(shape), make("p", {}, words)));
}

function drawMessages(messages) {
  const column = make("div", { class: "column" });
  for (const message of messages) addTo(column, message, false);
  page.log.replaceChildren(column);
}

/** The column of messages, in place of the words for none. */
function column() {
  const there = page.log.querySelector(".column");
  if (there) return there;
  const made = make("div", { class: "column" });
  page.log.replaceChildren(made);
  return made;
}

const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const FULL = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "short" });

function dayWords(moment) {
  const today = new Date();
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  if (moment.toDateString() === today.toDateString()) return "Today";
  if (moment.toDateString() === yesterday.toDateString()) return "Yesterday";
  return DAY.format(moment);
}

function addTo(parent, message, live) {
  const moment = new Date(message.at);
  const day = moment.toDateString();
  if (parent.dataset.day !== day) {
    parent.dataset.day = day;
    parent.append(make("p", { class: "day" }, make("span", {}, dayWords(moment))));
  }
  const node = drawMessage(message, live);
  parent.append(node);
  return node;
}

/** What each message was drawn from, so that one that has not changed is not drawn, and read out, again. */
const drawn = new WeakMap();

function drawMessage(message, live) {
  const moment = new Date(message.at);
  const bot = message.from === "bot";
  const name = message.name || (bot ? "E-safety bot" : "Somebody");
  const mine = !bot && name === personaOf(state.persona).name;
  const avatar = make("span", { "aria-hidden": "true" });
  if (bot) {
    avatar.className = "avatar avatar-bot";
    avatar.append(icon("M12 2.5l8 2.8v6c0 4.8-3.3 8.4-8 10-4.7-1.6-8-5.2-8-10v-6zM8.4 12l2.6 2.6L15.8 9.4"));
  } else dressAvatar(avatar, name);
  const body = make("div", { class: "message-body" });
  body.append(parse(message.html));
  const node = make(
    "article",
    {
      class: `message ${bot ? "message-bot" : "message-person"}${message.private ? " message-private" : ""}`,
      "data-message": message.id,
      "aria-label": `${name}, ${CLOCK.format(moment)}`,
      tabindex: "-1",
    },
    avatar,
    make(
      "div",
      { class: "message-main" },
      make(
        "p",
        { class: "message-head" },
        make("span", { class: "message-name", dir: "auto" }, name),
        mine ? make("span", { class: "tag" }, "you") : null,
        make("time", { datetime: message.at, title: FULL.format(moment) }, CLOCK.format(moment)),
        message.edited ? make("span", { class: "edited" }, "edited") : null,
      ),
      message.private ? onlyYou() : null,
      body,
      message.raw ? rawButton(message, moment) : null,
    ),
  );
  bringToLife(body, `m${message.id}-`, live);
  drawn.set(node, JSON.stringify(message));
  return node;
}

const onlyYou = () => make("p", { class: "only-you" }, icon(PLACE_SHAPES.locked), "Only you can see this");

function rawButton(message, moment) {
  return make(
    "button",
    { type: "button", class: "raw-button", "data-raw": message.id, "aria-haspopup": "dialog" },
    "Slack / Teams JSON",
    make("span", { class: "visually-hidden" }, ` of the message of ${CLOCK.format(moment)}`),
  );
}

/** Make ids unique in the page, quieten alerts that are old news, and give fields their behaviour. */
function bringToLife(root, prefix, live) {
  for (const node of root.querySelectorAll("[id]")) node.id = prefix + node.id;
  for (const name of ["for", "aria-describedby", "aria-labelledby", "aria-controls"]) {
    for (const node of root.querySelectorAll(`[${name}]`)) {
      node.setAttribute(name, node.getAttribute(name).split(" ").map((id) => prefix + id).join(" "));
    }
  }
  for (const node of root.querySelectorAll('input[type="radio"]')) node.name = prefix + node.name;
  if (!live) for (const node of root.querySelectorAll('[role="alert"]')) node.setAttribute("role", "note");
  bringFieldsToLife(root);
}

/** Whether the newest message is in sight: then it is kept so, whatever grows or shrinks. */
let stuck = true;
const atEnd = () => page.log.scrollHeight - page.log.scrollTop - page.log.clientHeight < NEAR_END;

function toEnd(smooth) {
  stuck = true;
  page.newer.hidden = true;
  page.log.scrollTo({ top: page.log.scrollHeight, behavior: smooth && !reducedMotion.matches ? "smooth" : "instant" });
}

/** A new message, or one that we have already (then it takes its place). */
function receive(message) {
  const old = page.log.querySelector(`[data-message="${message.id}"]`);
  if (old) return drawn.get(old) === JSON.stringify(message) || replace(old, message, false);
  const stay = !stuck && !(message.from === "person" && message.name === personaOf(state.persona).name);
  const fresh = addTo(column(), message, true);
  fresh.classList.add("message-new");
  if (stay) page.newer.hidden = false;
  else if (fresh.offsetHeight > page.log.clientHeight) fresh.scrollIntoView({ block: "start" });
  else toEnd(true);
  markSeen();
}

function replace(old, message, flash) {
  const held = old.contains(document.activeElement) ? document.activeElement : null;
  const stick = stuck;
  const fresh = drawMessage(message, true);
  old.replaceWith(fresh);
  if (flash) fresh.classList.add("message-changed");
  if (held) refocus(fresh, held);
  // Below the message there may be an answer to the press: the end stays in sight.
  if (stick) toEnd(false);
}

/** The keyboard stays where it was: on the same button if it is still there, else on the message. */
function refocus(fresh, held) {
  const what = (button) => [button.className, button.dataset.action, button.dataset.value].join(" ");
  const same = [...fresh.querySelectorAll("button")].find((button) => what(button) === what(held));
  (same ?? fresh).focus({ preventScroll: true });
  fresh.scrollIntoView({ block: "nearest" });
}

/** Something said to this person alone, and not kept. */
function addNote(html) {
  const dismiss = make("button", { type: "button", class: "cross", "aria-label": "Dismiss" });
  const body = make("div", { class: "message-body" });
  body.append(parse(html));
  const note = make(
    "div",
    { class: "message message-note", role: "group", "aria-label": "Only you can see this" },
    make("div", { class: "message-main" }, onlyYou(), body),
    dismiss,
  );
  dismiss.addEventListener("click", () => {
    note.remove();
    page.text.focus();
  });
  noteCount += 1;
  bringToLife(body, `n${noteCount}-`, true);
  column().append(note);
  toEnd(true);
}
let noteCount = 0;

/** Words of the page's own, as a note. */
function addTroubleNote(words) {
  const text = make("p", { class: "text" }, words);
  addNote(text.outerHTML);
}

// What arrives by itself ------------------------------------------------------------------------------------------------------

let stream = null;
let retry = 0;
let lost = false;
const sayReconnecting = debounce(TROUBLE_PAUSE, () => {
  page.trouble.textContent = "Reconnecting… New messages will appear once the bot is back.";
});

function openStream() {
  stream?.close();
  clearTimeout(retry);
  const own = new EventSource(`${ROOT}stream?${new URLSearchParams({ persona: state.persona })}`);
  stream = own;
  own.addEventListener("open", () => {
    sayReconnecting.cancel();
    page.trouble.textContent = "";
    if (lost) catchUp();
    lost = false;
  });
  own.addEventListener("error", () => {
    if (own !== stream) return;
    lost = true;
    if (!page.trouble.textContent) sayReconnecting();
    if (own.readyState === EventSource.CLOSED) retry = setTimeout(openStream, 3000);
  });
  const hear = (name, handle) =>
    own.addEventListener(name, (event) => own === stream && handle(JSON.parse(event.data)));
  hear("message", ({ place, message }) => (place === state.place ? whenLoaded(() => receive(message)) : markUnread(place)));
  hear("update", ({ place, message }) => place === state.place && whenLoaded(() => update(message)));
  hear("unread", ({ place }) => place !== state.place && markUnread(place));
}

/** Run it once the place that is shown now is loaded, unless we have moved on by then. */
function whenLoaded(run) {
  const visit = state.visit;
  state.loaded.then(() => visit === state.visit && run());
}

function update(message) {
  const old = page.log.querySelector(`[data-message="${message.id}"]`);
  if (old) replace(old, message, true);
  else receive(message);
}

function markUnread(place) {
  if (!placeOf(place) || state.unread.has(place)) return;
  state.unread.add(place);
  drawPlaces();
  announce(`New in ${placeOf(place).name}`);
}

/** After a break: what came or changed meanwhile. */
async function catchUp() {
  const visit = state.visit;
  await state.loaded;
  const answer = await get("messages", { persona: state.persona, place: state.place }).catch(() => null);
  if (!answer || visit !== state.visit || answer.denied) return;
  const ids = new Set(answer.messages.map((message) => String(message.id)));
  const shown = [...page.log.querySelectorAll("[data-message]")];
  if (!shown.every((node) => ids.has(node.dataset.message))) await load();
  else answer.messages.forEach(receive);
}

/** Where nothing arrives by itself, look after each thing done. */
function catchUpIfDeaf() {
  if (stream?.readyState !== EventSource.OPEN) catchUp();
}

// Saying something ------------------------------------------------------------------------------------------------------------

const underWay = new Map();

/**
 * Send a line. Returns whether it went; if not, the composer says why.
 * What is said while another line is on its way goes after it; the same line said twice in a hurry goes once.
 */
function say(text) {
  if (!text.trim()) return Promise.resolve(false);
  if (!underWay.has(text)) {
    const before = [...underWay.values()].at(-1);
    underWay.set(text, sayAfter(before, text, state.persona, state.place).finally(() => underWay.delete(text)));
  }
  return underWay.get(text);
}

async function sayAfter(before, text, persona, place) {
  await before;
  page["composer-error"].textContent = "";
  page.composer.setAttribute("aria-busy", "true");
  try {
    await act("say", { text, persona, place });
    return true;
  } catch (error) {
    page["composer-error"].textContent = `Not sent. ${error.message}`;
    return false;
  } finally {
    page.composer.removeAttribute("aria-busy");
  }
}

page.composer.addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = page.text.value;
  commands.close();
  page.text.focus();
  if (await say(text)) {
    if (page.text.value === text) page.text.value = "";
  }
});

page.composer.addEventListener("click", async (event) => {
  const line = event.target.closest("[data-say]")?.dataset.say;
  if (!line) return;
  if (!(await say(line)) && !page.text.value) page.text.value = line;
});

/** Do something and follow the reply, unless we have become somebody else or gone elsewhere meanwhile. */
async function act(path, body) {
  const { persona, place } = { ...state, ...body };
  const reply = await post(path, body);
  if (persona !== state.persona || place !== state.place) return;
  handle(reply);
  catchUpIfDeaf();
}

/** What a reply of the server asks for. */
function handle(reply) {
  const { dialog = null, close = false, errors = null, note = null, focus = null } = reply ?? {};
  if (dialog) openForm(dialog);
  else if (close) closeForm();
  if (note && page.dialog.open) noteInForm(note);
  else if (note) addNote(note);
  if (errors && Object.keys(errors).length) showErrors(errors);
  else if (focus) focusField(focus);
}

// Pressing a button -----------------------------------------------------------------------------------------------------------

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-action]");
  if (!button || button.getAttribute("aria-busy") === "true") return;
  const { confirmTitle, confirmText, confirmYes, confirmNo } = button.dataset;
  const danger = button.classList.contains("button-danger");
  if (confirmTitle !== undefined && !(await ask(confirmTitle, confirmText, confirmYes, confirmNo, danger))) return;
  await press(button);
});

async function press(button) {
  const form = button.closest("form[data-form]");
  const message = button.closest("[data-message]");
  button.setAttribute("aria-busy", "true");
  try {
    await act("press", {
      message: message ? Number(message.dataset.message) : null,
      action: button.dataset.action,
      value: button.dataset.value,
      form: form ? form.dataset.state : null,
      values: pressedValues(form ?? message),
    });
  } catch (error) {
    if (form) sayInForm(error.message);
    else addTroubleNote(error.said ? error.message : `That did not work. ${error.message}`);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

const pressedValues = (root) => (root?.querySelector("[data-field]") ? collect(root) : null);

/** A question before something is done. Resolves to whether to go on; leaving it means no. */
function ask(title, text, yes, no, danger) {
  page["confirm-title"].textContent = title;
  page["confirm-text"].textContent = text;
  page["confirm-yes"].textContent = yes;
  page["confirm-no"].textContent = no;
  page["confirm-yes"].className = `button ${danger ? "button-danger-full" : "button-primary"}`;
  page.confirm.returnValue = "";
  page.confirm.showModal();
  page["confirm-no"].focus();
  return new Promise((resolve) => {
    page.confirm.addEventListener("close", () => resolve(page.confirm.returnValue === "yes"), { once: true });
  });
}
page["confirm-yes"].addEventListener("click", () => page.confirm.close("yes"));
page["confirm-no"].addEventListener("click", () => page.confirm.close("no"));

// Forms -----------------------------------------------------------------------------------------------------------------------

const currentForm = () => page.dialog.querySelector("form[data-form]");

/** What was filled in when the form was opened, to know whether leaving it would lose something. */
let pristine = "";

function openForm(html) {
  const before = currentForm();
  const held = page.dialog.open ? document.activeElement?.closest("[data-field]")?.dataset.field : null;
  const scroll = page.dialog.querySelector(".form-body")?.scrollTop ?? 0;
  page.dialog.replaceChildren(parse(html));
  const form = currentForm();
  bringFieldsToLife(page.dialog);
  const which = (shown) => (shown ? JSON.stringify([shown.dataset.form, shown.dataset.state]) : null);
  const same = page.dialog.open && before !== null && which(before) === which(form);
  if (!page.dialog.open) page.dialog.showModal();
  page.dialog.classList.toggle("dialog-reading", !form?.querySelector('[type="submit"]'));
  if (!same) pristine = form ? JSON.stringify(collect(form)) : "";
  const body = page.dialog.querySelector(".form-body");
  if (body) body.scrollTop = same ? scroll : 0;
  if (focusFirstWrong()) return;
  if (same && held && focusField(held)) return;
  focusStart();
}

/** The first field, unless something comes before it that has to be read first. */
function focusStart() {
  const form = currentForm();
  const field = form?.querySelector("[data-field]");
  const banner = form?.querySelector(".banner");
  const bannerFirst = banner && (!field || banner.compareDocumentPosition(field) & Node.DOCUMENT_POSITION_FOLLOWING);
  if (field && !bannerFirst && focusField(field.dataset.field)) return;
  (page.dialog.querySelector("#form-title") ?? page.dialog).focus();
}

function closeForm() {
  sayTyping.flush();
  if (page.dialog.open) page.dialog.close();
}

/** Leave the form as the person asks, after a question if something was typed. */
async function leaveForm() {
  const form = currentForm();
  const changed = form?.querySelector('[type="submit"]') && JSON.stringify(collect(form)) !== pristine;
  if (changed && !(await ask("Leave this form?", "It has not been sent.", "Leave", "Stay", false))) return;
  closeForm();
}

page.dialog.addEventListener("close", () => {
  page.dialog.replaceChildren();
  if (document.activeElement === document.body || !document.activeElement) page.text.focus();
});
page.dialog.addEventListener("cancel", (event) => {
  event.preventDefault();
  leaveForm();
});
page.dialog.addEventListener("keydown", (event) => {
  // In an open list of options Escape closes the list.
  if (event.key !== "Escape" || event.defaultPrevented || event.target.matches("option")) return;
  event.preventDefault();
  leaveForm();
});
page.dialog.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) leaveForm();
});

page.dialog.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  if (form.getAttribute("aria-busy") === "true") return;
  clearErrors(form);
  sayTyping.cancel();
  form.setAttribute("aria-busy", "true");
  try {
    await act("submit", formBody(form));
  } catch (error) {
    sayInForm(error.said ? error.message : `Not sent, and nothing is lost. ${error.message}`);
  } finally {
    form.removeAttribute("aria-busy");
  }
});

const formBody = (form) => ({ form: form.dataset.form, state: form.dataset.state, values: collect(form) });

const sayTyping = debounce(TYPING_PAUSE, (body) => {
  post("typing", body, { keepalive: true }).catch(() => {});
});
page.dialog.addEventListener("input", (event) => {
  const field = event.target.closest("[data-field]");
  if (field) setError(field, "");
  const form = currentForm();
  if (form?.querySelector("[data-live]")) sayTyping(formBody(form));
});
addEventListener("pagehide", () => sayTyping.flush());

/** What is filled in below a node, by field id. */
function collect(root) {
  const values = {};
  for (const field of root.querySelectorAll("[data-field]")) values[field.dataset.field] = valueOf(field);
  return values;
}

function valueOf(field) {
  if (field.dataset.kind === "people") return peopleOf(field);
  if (field.matches("fieldset")) return field.querySelector("input:checked")?.value ?? "";
  return field.querySelector("input, select, textarea").value;
}

/** The people added, and a name that is still being typed. */
function peopleOf(field) {
  const added = [...field.querySelectorAll(".chip")].map((chip) => chip.dataset.value);
  const typed = field.querySelector(".people > input, .people-box > input").value.trim();
  return typed && added.length < Number(field.dataset.most) ? [...added, `text:${typed}`] : added;
}

// Errors at the fields

const fieldOf = (id) => currentForm()?.querySelector(`[data-field="${CSS.escape(id)}"]`) ?? null;

/** What of a field takes the keyboard. */
const controlOf = (field) =>
  field.querySelector("input:checked") ??
  field.querySelector(".people-box > input, select, textarea, input:not([type=hidden])");

function focusField(id) {
  const field = fieldOf(id);
  const control = field && controlOf(field);
  if (!control) return false;
  control.focus({ preventScroll: true });
  field.scrollIntoView({ block: "nearest" });
  return true;
}

function focusFirstWrong() {
  const wrong = currentForm()?.querySelector(".field:has(.field-error:not([hidden]))");
  return Boolean(wrong) && focusField(wrong.dataset.field);
}

function setError(field, text) {
  const place = field.querySelector(".field-error");
  place.textContent = text;
  place.hidden = !text;
  const control = field.matches("fieldset") ? field : controlOf(field);
  if (text) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
}

function clearErrors(form) {
  for (const field of form.querySelectorAll("[data-field]")) setError(field, "");
  form.querySelector(".form-errors")?.remove();
}

function showErrors(errors) {
  const stray = [];
  for (const [id, text] of Object.entries(errors)) {
    const field = fieldOf(id);
    if (field) setError(field, text);
    else stray.push(text);
  }
  if (stray.length) sayInForm(...stray);
  focusFirstWrong();
}

/** Lines at the top of the form. */
function sayInForm(...lines) {
  const form = currentForm();
  if (!form) return lines.forEach(addTroubleNote);
  form.querySelector(".form-errors")?.remove();
  const box = make("div", { class: "form-errors", role: "alert" }, ...lines.map((line) => make("p", { dir: "auto" }, line)));
  form.querySelector(".form-body").prepend(box);
  box.scrollIntoView({ block: "nearest" });
}

function noteInForm(html) {
  const body = page.dialog.querySelector(".form-body");
  page.dialog.querySelector(".form-note")?.remove();
  const box = make("div", { class: "form-note", role: "status" });
  box.append(parse(html));
  body.prepend(box);
  box.scrollIntoView({ block: "nearest" });
}

// Fields ----------------------------------------------------------------------------------------------------------------------

function bringFieldsToLife(root) {
  for (const place of root.querySelectorAll("[data-option-hint]")) explainOption(place);
  for (const area of root.querySelectorAll("textarea")) countLetters(area);
  for (const field of root.querySelectorAll('[data-kind="people"]')) new People(field);
}

/** The hint of the chosen option, below its list. */
function explainOption(place) {
  const select = place.closest("[data-field]").querySelector("select");
  const explain = () => (place.textContent = select.selectedOptions[0]?.dataset.hint ?? "");
  select.addEventListener("change", explain);
  explain();
}

/** How much room is left, once there is little. */
function countLetters(area) {
  const most = area.maxLength;
  if (most <= 0) return;
  const place = make("p", { class: "room", "aria-live": "polite" });
  area.after(place);
  const count = () => {
    const left = most - area.value.length;
    place.textContent = left < most / 5 && left < 300 ? `${left} characters left` : "";
  };
  area.addEventListener("input", count);
  count();
}

/** A list of options below (or above) an input, walked with the arrow keys. The keyboard stays in the input. */
class Options {
  constructor(input, list, choose) {
    Object.assign(this, { input, list, choose, active: -1 });
    list.addEventListener("mousedown", (event) => event.preventDefault());
    list.addEventListener("click", (event) => {
      const item = event.target.closest('[role="option"]');
      if (item) this.take([...list.children].indexOf(item));
    });
  }

  get open() {
    return !this.list.hidden;
  }

  /** Show items: nodes to stand in the list. */
  show(items) {
    this.list.replaceChildren(
      ...items.map((item, number) => {
        item.setAttribute("role", "option");
        item.setAttribute("aria-selected", "false");
        item.id = `${this.list.id}-${number}`;
        return item;
      }),
    );
    this.list.hidden = items.length === 0;
    this.input.setAttribute("aria-expanded", String(items.length > 0));
    this.move(-1);
    if (this.open) this.list.scrollIntoView({ block: "nearest" });
  }

  close() {
    if (this.open) this.show([]);
  }

  move(number) {
    const items = [...this.list.children];
    items[this.active]?.setAttribute("aria-selected", "false");
    this.active = number;
    const item = items[number];
    if (!item) return this.input.removeAttribute("aria-activedescendant");
    item.setAttribute("aria-selected", "true");
    item.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", item.id);
  }

  take(number) {
    const item = this.list.children[number];
    this.close();
    if (item) this.choose(item);
  }

  /** Keys that belong to the list. Returns whether it took the key. */
  key(event) {
    if (!this.open) return false;
    const last = this.list.children.length - 1;
    const step = {
      ArrowDown: this.active === last ? -1 : this.active + 1,
      ArrowUp: this.active === -1 ? last : this.active - 1,
    };
    if (event.key in step) this.move(step[event.key]);
    else if (event.key === "Enter" && this.active >= 0) this.take(this.active);
    else if (event.key === "Escape") this.close();
    else return false;
    event.preventDefault();
    return true;
  }
}

/** People: chips, and an input that finds more of them as one types. Any name may be added as it is typed. */
class People {
  constructor(field) {
    this.field = field;
    this.id = field.dataset.field;
    this.form = field.closest("form[data-form]")?.dataset.form ?? "";
    this.most = Number(field.dataset.most);
    this.input = field.querySelector(".people > input");
    this.chips = field.querySelector(".chips");
    this.say = make("p", { class: "visually-hidden", role: "status" });
    this.placeholder = this.input.placeholder;
    this.search = debounce(SUGGEST_PAUSE, () => this.suggest());
    this.build();
    this.chips.addEventListener("click", (event) => {
      const cross = event.target.closest(".chip-remove");
      if (cross) this.remove(cross.closest(".chip"));
    });
    this.input.addEventListener("input", () => this.typed());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("blur", () => {
      this.options?.close();
      this.addTyped();
    });
    this.full();
  }

  /** Chips and input in one box that looks like a field; the list below it. */
  build() {
    const list = this.field.querySelector(".suggestions");
    const box = make("div", { class: "people-box" });
    list.before(box);
    box.append(this.chips, this.input);
    box.addEventListener("mousedown", (event) => {
      if (event.target !== box && event.target !== this.chips) return;
      event.preventDefault();
      this.input.focus();
    });
    list.after(this.say);
    this.input.autocomplete = "off";
    if (this.field.dataset.searchable !== "true") return list.remove();
    const combobox = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id };
    for (const [name, value] of Object.entries(combobox)) this.input.setAttribute(name, value);
    this.options = new Options(this.input, list, (item) => this.add(item.dataset.value, item.dataset.label));
  }

  get values() {
    return [...this.chips.children].map((chip) => chip.dataset.value);
  }

  typed() {
    if (!this.input.value.includes(",")) return this.options && this.search();
    const names = this.input.value.split(",");
    const rest = names.pop();
    for (const name of names) this.add(`text:${name.trim()}`, name.trim());
    this.input.value = rest.trimStart();
    this.search();
  }

  key(event) {
    if (this.options?.key(event)) return;
    if (event.key === "Enter" && this.input.value.trim()) {
      event.preventDefault();
      this.addTyped();
    } else if (event.key === "Enter") {
      event.preventDefault();
    } else if (event.key === "ArrowDown" && this.options) {
      event.preventDefault();
      this.suggest();
    } else if (event.key === "Backspace" && !this.input.value && this.chips.lastElementChild) {
      event.preventDefault();
      this.remove(this.chips.lastElementChild);
    }
  }

  addTyped() {
    const name = this.input.value.trim();
    if (name) this.add(`text:${name}`, name);
  }

  add(value, label) {
    this.search.cancel();
    this.options?.close();
    this.input.value = "";
    if (!label || this.values.length >= this.most) return;
    if (this.values.includes(value)) return this.tell(`${label} is there already`);
    const shown = make("span", { class: "chip-name", dir: "auto" }, label);
    const hidden = make("input", { type: "hidden", name: this.id, value });
    const cross = make("button", { type: "button", class: "chip-remove", "aria-label": `Remove ${label}` });
    this.chips.append(make("li", { class: "chip", "data-value": value }, shown, hidden, cross));
    this.tell(`Added ${label}`);
    this.full();
    this.changed();
  }

  remove(chip) {
    const label = chip.querySelector(".chip-name").textContent;
    chip.remove();
    this.tell(`Removed ${label}`);
    this.full();
    this.changed();
    this.input.focus();
  }

  changed() {
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** When there is no room for more, the input says so. */
  full() {
    const full = this.values.length >= this.most;
    this.input.readOnly = full;
    if (full) this.input.placeholder = this.most === 1 ? "" : `${this.most} at most`;
    else this.input.placeholder = this.values.length ? "Add another" : this.placeholder;
  }

  tell(words) {
    this.say.textContent = words;
  }

  async suggest() {
    const query = this.input.value.trim();
    this.asked?.abort();
    if (!query || this.input.readOnly) return this.options?.close();
    const asked = (this.asked = new AbortController());
    const found = await get(
      "suggest",
      { persona: state.persona, form: this.form, field: this.id, q: query },
      { signal: asked.signal },
    ).catch(() => ({ options: [] }));
    if (asked.signal.aborted || document.activeElement !== this.input || this.input.value.trim() !== query) return;
    const people = found.options.filter((option) => !this.values.includes(option.value)).map(personItem);
    this.options.show([...people, typedItem(query)]);
    this.tell(people.length === 1 ? "1 person found" : `${people.length} people found`);
  }
}

const personItem = ({ value, label, hint }) =>
  make(
    "li",
    { class: "suggestion", "data-value": value, "data-label": label },
    make("span", { class: "suggestion-label", dir: "auto" }, label),
    hint ? make("span", { class: "suggestion-hint", dir: "auto" }, hint) : null,
  );

const typedItem = (name) =>
  make(
    "li",
    { class: "suggestion suggestion-typed", "data-value": `text:${name}`, "data-label": name },
    make("span", { class: "suggestion-label" }, "Add “", make("bdi", {}, name), "” as typed"),
  );

// Commands --------------------------------------------------------------------------------------------------------------------

const commands = new Options(page.text, page.commands, (item) => {
  const line = item.dataset.value;
  page.text.value = line.replace(/[<[{].*$/u, "");
  page.text.focus();
});

function suggestCommands() {
  const typed = page.text.value.trimStart().toLowerCase();
  if (!typed.startsWith("/") || !state.world) return commands.close();
  const fitting = state.world.commands.filter((line) => line.toLowerCase().startsWith(typed) && line.toLowerCase() !== typed);
  commands.show(fitting.map(commandItem));
}

const commandItem = (line) =>
  make("li", { class: "suggestion", "data-value": line }, make("span", { class: "suggestion-label" }, line));

page.text.addEventListener("input", suggestCommands);
page.text.addEventListener("focus", suggestCommands);
page.text.addEventListener("blur", () => commands.close());
page.text.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (!commands.key(event) && event.key === "ArrowDown") suggestCommands();
});

// The JSON that each platform gets --------------------------------------------------------------------------------------------

const tabs = [page["tab-slack"], page["tab-teams"]];
const panelOf = (tab) => page[tab.getAttribute("aria-controls")];

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-raw]");
  if (button) showRaw(button);
});

async function showRaw(button) {
  for (const tab of tabs) panelOf(tab).querySelector("code").textContent = "Loading…";
  page["raw-status"].textContent = "";
  page.raw.showModal();
  const shown = tabs.find((tab) => tab.getAttribute("aria-selected") === "true");
  shown.focus();
  try {
    const answer = await get("raw", { persona: state.persona, place: state.place, message: button.dataset.raw });
    page["raw-slack"].querySelector("code").replaceChildren(...coloured(answer.slack));
    page["raw-teams"].querySelector("code").replaceChildren(...coloured(answer.teams));
  } catch (error) {
    for (const tab of tabs) panelOf(tab).querySelector("code").textContent = error.message;
  }
}

/** JSON in print: keys, strings and the rest apart. */
function* coloured(value) {
  const text = JSON.stringify(value, null, 2);
  let end = 0;
  for (const token of text.matchAll(/("(?:\\.|[^"\\])*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/giu)) {
    yield text.slice(end, token.index);
    const kind = token[1] ? (token[2] ? "json-key" : "json-text") : "json-other";
    yield make("span", { class: kind }, token[1] ?? token[0]);
    end = token.index + (token[1] ?? token[0]).length;
  }
  yield text.slice(end);
}

function chooseTab(tab) {
  for (const other of tabs) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    panelOf(other).hidden = !chosen;
  }
  page["raw-status"].textContent = "";
}

for (const tab of tabs) {
  tab.addEventListener("click", () => chooseTab(tab));
  tab.addEventListener("keydown", (event) => {
    const number = tabs.indexOf(tab);
    const to = { ArrowRight: number + 1, ArrowLeft: number - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = tabs.at(to % tabs.length);
    chooseTab(next);
    next.focus();
  });
}

page["raw-close"].addEventListener("click", () => page.raw.close());
page["raw-copy"].addEventListener("click", async () => {
  const shown = tabs.find((tab) => tab.getAttribute("aria-selected") === "true");
  const code = panelOf(shown).querySelector("code");
  try {
    await navigator.clipboard.writeText(code.textContent);
    page["raw-status"].textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(code);
    page["raw-status"].textContent = "Selected: press Ctrl+C";
  }
});

// The page --------------------------------------------------------------------------------------------------------------------

function openMenu() {
  document.body.classList.add("menu-open");
  page.menu.setAttribute("aria-expanded", "true");
  document.querySelector("main").inert = true;
  (page.places.querySelector("[aria-current]") ?? page.places.querySelector("a"))?.focus();
}

function closeMenu(back) {
  if (!document.body.classList.contains("menu-open")) return;
  document.body.classList.remove("menu-open");
  page.menu.setAttribute("aria-expanded", "false");
  document.querySelector("main").inert = false;
  (back ? page.menu : page["place-name"]).focus();
}

page.menu.addEventListener("click", () => (document.body.classList.contains("menu-open") ? closeMenu(true) : openMenu()));
page.scrim.addEventListener("click", () => closeMenu(true));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeMenu(true);
});
matchMedia("(min-width: 761px)").addEventListener("change", () => closeMenu(false));
page.places.addEventListener("click", (event) => {
  if (event.target.closest("[aria-current]")) closeMenu(true);
});

/** Somebody else goes on in the same place, or, where that is closed to them, in their own messages. */
page.persona.addEventListener("change", async () => {
  const { persona, place } = { persona: page.persona.value, place: state.place };
  const answer = await get("messages", { persona, place }).catch(() => null);
  if (page.persona.value !== persona || state.place !== place) return;
  location.hash = addressOf(persona, answer?.denied ? state.world.places[0].id : place);
});
addEventListener("hashchange", () => state.world && (location.hash.includes("=") ? follow() : null));
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  page.text.focus();
});

page.newer.addEventListener("click", () => {
  toEnd(true);
  page.text.focus();
});
const look = debounce(120, () => {
  stuck = atEnd();
  if (stuck) page.newer.hidden = true;
});
page.log.addEventListener("scroll", () => look(), { passive: true });
new ResizeObserver(() => stuck && toEnd(false)).observe(page.log);

page.guide.hidden = remember(localStorage, "guide") === "hidden";
page["guide-close"].addEventListener("click", () => {
  remember(localStorage, "guide", "hidden");
  page.guide.hidden = true;
  page.text.focus();
});

async function start() {
  try {
    state.world = await get("world", {});
  } catch (error) {
    page.trouble.textContent = error.message;
    setTimeout(start, 3000);
    return;
  }
  page.trouble.textContent = "";
  page.school.textContent = state.world.school;
  drawPersonas();
  await follow();
}

start();
