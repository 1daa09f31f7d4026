"use strict";
// The corrections are pairs of names. Each action adds pairs; undoing takes its pairs away again.
const kept = JSON.parse(document.getElementById("kept").textContent);
const done = [];
const people = [...document.querySelectorAll(".person")];
const status = document.getElementById("status");
const mergeButton = document.getElementById("merge");
const undoButton = document.getElementById("undo");
let current = null;

const tilesOf = (person) => [...person.querySelectorAll(".tile")];
const namesOf = (tiles) => tiles.map((tile) => tile.dataset.name);
const chain = (names) => names.slice(1).map((name) => [names[0], name]);
const box = (person) => person.querySelector("[data-do=choose]");
const titled = (person) => `person ${person.dataset.number}`;

function show() {
  for (const person of people) {
    const words = done.filter((one) => one.people.includes(person)).map((one) => one.words);
    const verdict = person.querySelector(".verdict");
    verdict.hidden = words.length === 0;
    verdict.textContent = words.join("; ");
  }
  const chosen = people.filter((person) => box(person).checked).length;
  mergeButton.disabled = chosen < 2;
  undoButton.disabled = done.length === 0;
}

function say(text) {
  status.textContent = `${text} ${done.length} made, not yet saved.`;
}

function add(action, text) {
  done.push(action);
  show();
  say(text);
}

function accept(person) {
  const names = namesOf(tilesOf(person));
  if (names.length < 2) return;
  add({people: [person], words: "accepted", names, away: [], same: chain(names), apart: []}, `Accepted ${titled(person)}.`);
}

function split(person) {
  const tiles = tilesOf(person);
  const marked = tiles.filter((tile) => tile.getAttribute("aria-pressed") === "true");
  const off = marked.length ? marked : tiles.filter((tile) => tile.dataset.side === "1");
  const rest = tiles.filter((tile) => !off.includes(tile));
  if (!off.length || !rest.length) {
    status.textContent = `Mark the tracklets of ${titled(person)} that are of somebody else, but not all.`;
    return;
  }
  const [away, stay] = [namesOf(off), namesOf(rest)];
  for (const tile of marked) tile.setAttribute("aria-pressed", "false");
  const words = `split: ${away.join(", ")} ${away.length === 1 ? "is" : "are"} of somebody else`;
  const same = [...chain(away), ...chain(stay)];
  add({people: [person], words, names: namesOf(tiles), away, same, apart: [[stay[0], away[0]]]}, `Split ${titled(person)}.`);
}

function merge() {
  const chosen = people.filter((person) => box(person).checked);
  if (chosen.length < 2) return;
  const firsts = chosen.map((person) => namesOf(tilesOf(person))[0]);
  const names = chosen.flatMap((person) => namesOf(tilesOf(person)));
  const words = `merged: ${chosen.map(titled).join(", ")}`;
  for (const person of chosen) box(person).checked = false;
  add({people: chosen, words, names, away: [], same: chain(firsts), apart: []}, `Merged ${chosen.map(titled).join(", ")}.`);
}

function undo() {
  if (!done.length) return;
  const last = done.pop();
  show();
  say(`Undone: ${last.words}.`);
}

// What is said later counts: it takes away earlier pairs that say the opposite.
function corrections() {
  let [same, apart] = [[...kept.same], [...kept.apart]];
  for (const one of done) {
    const [all, away] = [new Set(one.names), new Set(one.away)];
    const within = ([first, second]) => all.has(first) && all.has(second);
    same = same.filter((pair) => !within(pair) || away.has(pair[0]) === away.has(pair[1]));
    apart = apart.filter((pair) => !within(pair) || away.has(pair[0]) !== away.has(pair[1]));
    same.push(...one.same);
    apart.push(...one.apart);
  }
  return {format: 1, same, apart};
}

function save() {
  const text = JSON.stringify(corrections(), null, 1) + "\n";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], {type: "application/json"}));
  link.download = "{{ corrections_file }}";
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  status.textContent = `Saved ${done.length} new corrections. Give the file to --corrections.`;
}

function go(person) {
  if (current) current.classList.remove("current");
  current = person;
  current.classList.add("current");
  current.focus({preventScroll: true});
  current.scrollIntoView({block: "start"});
}

function step(by) {
  const at = current ? people.indexOf(current) + by : 0;
  if (at >= 0 && at < people.length) go(people[at]);
}

document.addEventListener("click", (event) => {
  const person = event.target.closest(".person");
  const tile = event.target.closest(".tile");
  if (tile) {
    tile.setAttribute("aria-pressed", String(tile.getAttribute("aria-pressed") !== "true"));
  }
  const action = event.target.closest("[data-do]");
  if (action && action.dataset.do === "accept") accept(person);
  if (action && action.dataset.do === "split") split(person);
  if (action && action.dataset.do === "choose") show();
});
mergeButton.addEventListener("click", merge);
undoButton.addEventListener("click", undo);
document.getElementById("save").addEventListener("click", save);

const keys = {
  j: () => step(1),
  k: () => step(-1),
  a: () => current && accept(current),
  s: () => current && split(current),
  m: () => {
    if (!current) return;
    box(current).checked = !box(current).checked;
    show();
  },
  u: undo,
  d: save,
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  // Enter on a button presses it, and nothing else.
  const enter = event.key === "Enter" && !event.target.closest("button, input, a");
  const action = enter ? merge : Object.hasOwn(keys, event.key) ? keys[event.key] : null;
  if (!action) return;
  action();
  event.preventDefault();
});
document.addEventListener("focusin", (event) => {
  const person = event.target.closest(".person");
  if (person && person !== current) {
    if (current) current.classList.remove("current");
    current = person;
    current.classList.add("current");
  }
});
window.addEventListener("beforeunload", (event) => {
  if (done.length && !status.textContent.startsWith("Saved")) event.preventDefault();
});
show();
