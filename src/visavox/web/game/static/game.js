// The page of the game. The server keeps the state; this shows it, plays the voice and sends what was chosen.
// Nothing here, and nothing in what it is sent, tells who speaks before the choice is made.
"use strict";

const $ = (id) => document.getElementById(id);
const app = $("app"), audio = $("audio"), play = $("play"), next = $("next");
const faces = { left: $("left"), right: $("right") };
const LEVELS = [
  "Every pair is a woman and a man.", "One pair in four is of one gender.", "Half of the pairs are of one gender.",
  "Three pairs in four are of one gender.", "Every pair is of one gender.",
];
const OUTCOMES = {
  both_won: ["You both got it!", "The model chose the same face."],
  you_won: ["You got it, and the model did not!", "One more for you."],
  model_won: ["The model got this one.", "The voice belongs to the other face."],
  both_wrong: ["Neither of you got it.", "The voice belongs to the other face."],
};

let game = null;          // what the server told last
let busy = false;         // a choice or a step is on its way
let first = {};           // the voice that was heard last, and when its first sound came, by performance.now()
let timed = false;        // whether this page has shown the turn from its beginning
let mute = false;         // the voice cannot be played here; choosing must be possible all the same
let ahead = [];           // pictures of the next turn, held so that they stay in memory
let wanted = "";          // address of the voice that the audio element holds

const media = (token) => `game/media/${token}`;

async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  };
  const answer = await fetch(`game/api/${path}`, { ...options, credentials: "same-origin" });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw Object.assign(new Error(problem.detail || `The server answered ${answer.status}.`), { status: answer.status });
  }
  return answer.json();
}

function trouble(text) {
  $("trouble").textContent = text;
  $("trouble").hidden = !text;
}

// Do one thing at a time; where the server knows better (another tab went on, the game is gone), show what it knows.
async function once(work) {
  if (busy) return;
  busy = true;
  try {
    await work();
    trouble("");
  } catch (error) {
    if (error.status === 404 || error.status === 409) await ask("state").then((told) => show(told, false)).catch(() => {});
    else trouble(error instanceof TypeError ? "The server cannot be reached. Is it still running?" : error.message);
  } finally {
    busy = false;
  }
}

function show(told, fresh) {
  const before = game && game.turn.id;
  game = told.game;
  describe(told.about);
  app.dataset.screen = game ? "game" : "start";
  if (!game) return;
  levels(told.about.levels, game.difficulty);
  if (game.turn.id !== before) showTurn(game.turn, fresh);
  showScore();
  showResult();
  fetchAhead();
}

function showTurn(turn, fresh) {
  timed = fresh;
  mute = false;
  $("left-image").src = media(turn.left);
  $("right-image").src = media(turn.right);
  wanted = turn.voice;
  audio.src = media(wanted);
  heard(false);
}

function showScore() {
  const { score, turn } = game;
  $("turn-number").textContent = turn.number;
  $("player-score").textContent = score.player;
  $("model-score").textContent = score.model;
  $("streak").textContent = score.streak;
  $("best-streak").textContent = score.best_streak;
}

function showResult() {
  const result = game.turn.result;
  for (const [side, button] of Object.entries(faces)) {
    const place = side === "left" ? "Face 1, left" : "Face 2, right";
    const said = [];
    button.className = "face";
    button.disabled = Boolean(result);
    const tags = button.querySelector(".tags");
    tags.replaceChildren();
    if (result) {
      const isRight = result.right === side;
      said.push(isRight ? "the voice belongs to it" : "not the voice's");
      button.classList.add(isRight ? "is-right" : "is-wrong");
      for (const [who, name] of [["yours", "You"], ["model", "Model"]]) {
        if (result[who] !== side) continue;
        button.classList.toggle("is-yours", who === "yours" || button.classList.contains("is-yours"));
        tags.append(Object.assign(document.createElement("span"), { className: `tag ${name.toLowerCase()}`, textContent: name }));
        said.push(who === "yours" ? "your choice" : "the model's choice");
      }
    }
    button.setAttribute("aria-label", [place, ...said].join("; "));
  }
  $("below").className = result ? (result.yours === result.right ? "is-right" : "is-wrong") : "";
  next.hidden = !result;
  if (!result) {
    $("message").textContent = "Which face belongs to the voice?";
    return;
  }
  const [headline, detail] = OUTCOMES[result.outcome];
  const { streak } = game.score;
  $("message").replaceChildren(headline, Object.assign(document.createElement("small"), {
    textContent: streak > 1 ? `${detail} ${streak} in a row.` : detail,
  }));
  next.focus({ preventScroll: true });
}

// The next turn's media go to the browser's cache while the player thinks.
function fetchAhead() {
  const coming = game.next;
  if (coming.id === game.turn.id || ahead.id === coming.id) return;
  ahead = [coming.left, coming.right].map((token) => Object.assign(new Image(), { src: media(token) }));
  ahead.id = coming.id;
  fetch(media(coming.voice), { credentials: "same-origin" }).then((answer) => answer.arrayBuffer()).catch(() => {});
}

function sound() {
  audio.currentTime = 0;
  return audio.play().catch((error) => {
    heard(false);
    if (error.name === "AbortError" || error.name === "NotAllowedError") return;  // a newer voice; a click is needed
    mute = true;
    trouble("The voice cannot be played in this browser. You can still choose.");
  });
}

const wasHeard = () => game !== null && first.voice === game.turn.voice;

function heard(on) {
  play.classList.toggle("is-playing", on);
  $("play-text").textContent = on ? "Listen …" : wasHeard() ? "Play it again" : "Play the voice";
}

function begin(difficulty) {
  audio.load();  // inside the click: from here on this element may play
  return once(async () => {
    show(await ask("start", difficulty === null ? {} : { difficulty }), true);
    sound();
  });
}

function choose(side) {
  if (!game || game.turn.result || busy) return;
  if (!wasHeard() && !mute) {
    $("message").textContent = "Listen first, then choose.";
    sound();
    return;
  }
  const reaction_ms = timed && wasHeard() ? performance.now() - first.at : null;
  faces[side].classList.add("is-yours");
  once(async () => show(await ask("answer", { turn: game.turn.id, choice: side, reaction_ms }), true));
}

function goOn() {
  if (!game || !game.turn.result || busy) return;
  audio.pause();
  once(async () => {
    show(await ask("next", {}), true);
    if (!game || game.turn.result) return;
    sound();  // its voice and its faces are in the cache already
    play.focus({ preventScroll: true });
  });
}

function describe(about) {
  const whom = about.simulated ? "made-up people, who look and sound like nobody real" : "people";
  $("about").textContent = `${about.people} ${whom}; you play against the model “${about.model}”.`;
  levels(about.levels, game ? game.difficulty : null);
}

function levels(has, difficulty) {
  for (const box of document.querySelectorAll(".levels")) {
    box.hidden = !has;
    const chosen = box.querySelector(`input[value="${difficulty || 3}"]`);
    if (difficulty !== null || !box.querySelector("input:checked")) chosen.checked = true;
    hint(box);
  }
}

function hint(box) {
  const words = LEVELS[Number(box.querySelector("input:checked").value) - 1];
  const inGame = box.id === "game-levels";
  box.querySelector(".hint").textContent = inGame ? `From the next turn on, ${words[0].toLowerCase()}${words.slice(1)}` : words;
}

function build() {
  for (const box of document.querySelectorAll(".levels")) {
    LEVELS.forEach((words, index) => {
      const input = Object.assign(document.createElement("input"), { type: "radio", name: box.id, value: index + 1 });
      input.setAttribute("aria-label", `${index + 1}: ${words}`);
      const label = document.createElement("label");
      label.append(input, Object.assign(document.createElement("span"), { textContent: index + 1 }));
      box.querySelector(".segments").append(label);
    });
    box.addEventListener("change", () => {
      hint(box);
      const difficulty = Number(box.querySelector("input:checked").value);
      if (box.id === "game-levels") once(async () => show(await ask("difficulty", { difficulty }), timed));
    });
  }
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !game || event.target.matches("input")) return;
  if (event.repeat) return event.preventDefault();  // a key that is held down is one press
  const side = { ArrowLeft: "left", 1: "left", ArrowRight: "right", 2: "right" }[event.key];
  const onFace = event.target.matches(".face, .voice") || !event.target.matches("button");
  if (side) choose(side);
  else if (event.key === " " && onFace) sound();
  else if (event.key === "Enter" && !event.target.matches("button")) goOn();
  else return;
  event.preventDefault();
}

build();
$("begin").addEventListener("click", () => begin(Number(document.querySelector("#start-levels input:checked").value)));
$("reset").addEventListener("click", () => begin(game.difficulty));
play.addEventListener("click", sound);
next.addEventListener("click", goOn);
for (const button of Object.values(faces)) button.addEventListener("click", () => choose(button.dataset.side));
document.addEventListener("keydown", onKey);
document.addEventListener("keyup", (event) => {
  if (event.key === " " && event.target.matches(".face, .voice")) event.preventDefault();  // space plays, and does not choose
});
audio.addEventListener("playing", () => {
  if (first.voice !== wanted) first = { voice: wanted, at: performance.now() };
  heard(true);
  if (game && !game.turn.result) $("message").textContent = "Which face belongs to the voice?";
});
for (const name of ["ended", "pause"]) audio.addEventListener(name, () => heard(false));
once(async () => show(await ask("state"), false));
