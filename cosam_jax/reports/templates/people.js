"use strict";
// Each action is kept as it was made; what they say together is worked out anew from the first on.
const kept = JSON.parse(document.getElementById("kept").textContent);
const done = [];
const people = [...document.querySelectorAll(".person")];
const status = document.getElementById("status");
const mergeButton = document.getElementById("merge");
const undoButton = document.getElementById("undo");
let current = null;

const tilesOf = (person) => [...person.querySelectorAll(".tile")];
const namesOf = (tiles) => tiles.map((tile) => tile.dataset.name);
const box = (person) => person.querySelector("[data-do=choose]");
const titled = (person) => `person ${person.dataset.number}`;

// Every pair of names that something was said of, and the names that were split off each person.
// What is said later counts. Who is one person with somebody is so with all of that person.
function told() {
  const said = new Map();
  const gone = new Map(people.map((person) => [person, new Set()]));
  const put = (first, second, what) => said.set(JSON.stringify([first, second].sort()), what);
  const left = (person) => namesOf(tilesOf(person)).filter((name) => !gone.get(person).has(name));
  const whole = (names) => {
    const found = new Set(names);
    for (let size = 0; size < found.size; ) {
      size = found.size;
      for (const [pair, what] of said) {
        const [first, second] = JSON.parse(pair);
        if (what === "same" && found.has(first) !== found.has(second)) found.add(first).add(second);
      }
    }
    return [...found];
  };
  const join = (names) => {
    const every = whole(names);
    every.forEach((first, i) => every.slice(i + 1).forEach((second) => put(first, second, "same")));
  };
  for (const [first, second] of kept.same) put(first, second, "same");
  for (const [first, second] of kept.apart) put(first, second, "apart");
  for (const one of done) {
    if (one.kind === "split") {
      const [person] = one.people;
      const rest = left(person).filter((name) => !one.off.includes(name));
      const others = whole(rest).filter((name) => !one.off.includes(name));
      for (const name of one.off) {
        for (const other of others) put(name, other, "apart");
        gone.get(person).add(name);
      }
    } else {
      join(one.people.flatMap(left));
    }
  }
  return {said, gone};
}

function show() {
  const {gone} = told();
  for (const person of people) {
    const words = done.filter((one) => one.people.includes(person)).map((one) => one.words);
    const verdict = person.querySelector(".verdict");
    verdict.hidden = words.length === 0;
    verdict.textContent = words.join("; ");
    for (const tile of tilesOf(person)) tile.classList.toggle("gone", gone.get(person).has(tile.dataset.name));
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

const leftOf = (person) => {
  const gone = told().gone.get(person);
  return tilesOf(person).filter((tile) => !gone.has(tile.dataset.name));
};

function accept(person) {
  const last = done.filter((one) => one.people.includes(person)).pop();
  if (leftOf(person).length < 2 || (last && last.kind === "accept")) return;
  add({kind: "accept", people: [person], words: "accepted"}, `Accepted ${titled(person)}.`);
}

function split(person) {
  const tiles = leftOf(person);
  const marked = tiles.filter((tile) => tile.getAttribute("aria-pressed") === "true");
  const off = marked.length ? marked : tiles.filter((tile) => tile.dataset.side === "1");
  if (!off.length || off.length === tiles.length) {
    status.textContent = `Mark the tracklets of ${titled(person)} that are of somebody else, but not all: click or tap them.`;
    return;
  }
  for (const tile of marked) tile.setAttribute("aria-pressed", "false");
  const names = namesOf(off);
  const words = `split: ${names.join(", ")} ${names.length === 1 ? "is" : "are"} of somebody else than the rest`;
  add({kind: "split", people: [person], off: names, words}, `Split ${titled(person)}. What was split off has a card of its own once the corrections are applied.`);
}

function merge() {
  const chosen = people.filter((person) => box(person).checked);
  if (chosen.length < 2) return;
  for (const person of chosen) box(person).checked = false;
  const titles = chosen.map(titled).join(", ");
  add({kind: "merge", people: chosen, words: `merged: ${titles}`}, `Merged ${titles}.`);
}

function undo() {
  if (!done.length) return;
  const last = done.pop();
  show();
  say(`Undone: ${last.words}.`);
}

function corrections() {
  const pairs = {same: [], apart: []};
  for (const [pair, what] of told().said) pairs[what].push(JSON.parse(pair));
  return {format: 1, ...pairs};
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
  status.textContent = `Saved all corrections, ${done.length} of them new. Give the file to --corrections.`;
}

function enlarge() {
  const larger = document.body.classList.toggle("larger");
  document.getElementById("larger").setAttribute("aria-pressed", String(larger));
  if (current) current.scrollIntoView({block: "start"});
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
document.getElementById("larger").addEventListener("click", enlarge);

function chooseFirst() {
  status.textContent = "No person is chosen: j goes to the first one.";
}

const keys = {
  j: () => step(1),
  k: () => step(-1),
  a: () => (current ? accept(current) : chooseFirst()),
  s: () => (current ? split(current) : chooseFirst()),
  m: () => {
    if (!current) return chooseFirst();
    box(current).checked = !box(current).checked;
    show();
  },
  u: undo,
  d: save,
  l: enlarge,
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
const before = kept.same.length + kept.apart.length;
if (before) status.textContent = `No new corrections; earlier ones about ${before} ${before === 1 ? "pair" : "pairs"} are kept.`;
show();
