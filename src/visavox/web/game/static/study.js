// The page of a study. The server keeps where a participant stands; this shows it, plays the voice and sends what was
// chosen. Nothing is stored in the browser, and nobody is told who was right.
"use strict";

const $ = (id) => document.getElementById(id);
const app = $("app"), audio = $("audio"), play = $("play"), leave = $("leave");
const faces = { left: $("left"), right: $("right") };
const base = location.pathname.replace(/\/+$/, "");

let state = null;     // what the server told last
let busy = false;     // an answer is on its way
let first = {};       // the voice that was heard last, and when its first sound came, by performance.now()
let timed = false;    // whether this page has shown the turn from its beginning
let mute = false;     // the voice cannot be played here; choosing must be possible all the same
let wanted = "";      // the voice that the audio element holds
let ahead = [];       // pictures of the next turn, held so that they stay in memory

const media = (token) => `${base}/media/${token}`;
const turn = () => state && state.turn;
const wasHeard = () => turn() !== null && first.voice === turn().voice;

async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  };
  const answer = await fetch(`${base}/api/${path}`, options);
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

// One thing at a time; where another device has gone on, show what the server knows.
async function once(work) {
  if (busy) return;
  busy = true;
  try {
    await work();
    trouble("");
  } catch (error) {
    if (error.status === 404 || error.status === 409) await ask("state").then((told) => show(told, false)).catch(() => {});
    else trouble(error instanceof TypeError ? "The server cannot be reached. Your answers so far are kept; try again later." : error.message);
  } finally {
    busy = false;
  }
}

function show(told, fresh) {
  const before = turn() && turn().id;
  state = told;
  document.title = $("title").textContent = state.title;
  screen(state.stage);
  if (state.stage === "consent") showConsent();
  if (state.stage !== "turns") return audio.pause();
  $("progress").textContent = `${state.answered + 1} of ${state.total}`;
  $("bar").max = state.total;
  $("bar").value = state.answered;
  if (state.turn.id !== before) showTurn(fresh);
}

function screen(name) {
  app.dataset.screen = name;
  leave.hidden = !["turns", "done"].includes(name);
}

function showConsent() {
  $("consent-title").textContent = state.title;
  $("consent-text").replaceChildren(...state.consent.map(({ kind, lines }) => {
    const element = document.createElement({ heading: "h2", list: "ul", text: "p" }[kind]);
    if (kind !== "list") element.textContent = lines[0];
    else element.append(...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })));
    return element;
  }));
}

function showTurn(fresh) {
  timed = fresh;
  mute = false;
  for (const [side, button] of Object.entries(faces)) {
    button.classList.remove("is-chosen");
    $(`${side}-image`).src = media(state.turn[side]);
  }
  if (document.activeElement.matches(".face")) play.focus({ preventScroll: true });  // no face is marked beforehand
  load(state.turn);
  question();
  heard(!audio.paused);
  if (state.next) {
    ahead = [state.next.left, state.next.right].map((token) => Object.assign(new Image(), { src: media(token) }));
    fetch(media(state.next.voice)).then((answer) => answer.arrayBuffer()).catch(() => {});
  }
}

function question() {
  const side = state.turn.instruction;
  $("message").className = side ? "instruction" : "";
  $("message").textContent = side
    ? `This one is to see that you are reading: please choose the face on the ${side.toUpperCase()}.`
    : "Which face belongs to the voice?";
}

function load(shown) {
  if (wanted === shown.voice) return;
  wanted = shown.voice;
  audio.src = media(shown.voice);
}

function sound() {
  audio.currentTime = 0;
  return audio.play().catch((error) => {
    heard(false);
    if (error.name === "AbortError" || error.name === "NotAllowedError") return;  // a newer voice; a click is needed
    mute = true;
    trouble("The voice cannot be played in this browser. You can still choose, or try another browser.");
  });
}

function heard(on) {
  play.classList.toggle("is-playing", on);
  $("play-text").textContent = on ? "Listen …" : wasHeard() ? "Play it again" : "Play the voice";
}

function choose(side) {
  if (!turn() || busy) return;
  if (!wasHeard() && !mute) {
    $("message").textContent = "Listen first, then choose.";
    sound();
    return;
  }
  const reaction_ms = timed && wasHeard() ? performance.now() - first.at : null;
  faces[side].classList.add("is-chosen");
  audio.pause();
  const { id } = state.turn;
  once(async () => show(await ask("answer", { turn: id, choice: side, reaction_ms }), true)).then(() => {
    if (turn() && turn().id !== id) sound();  // after the server has noted that it is shown: reaction times begin then
    else faces[side].classList.remove("is-chosen");  // the answer did not arrive: the same question stays
  });
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !turn() || app.dataset.screen !== "turns") return;
  if (event.target.matches("input, summary")) return;
  if (event.repeat) return event.preventDefault();  // a key that is held down is one press
  const side = { ArrowLeft: "left", 1: "left", ArrowRight: "right", 2: "right" }[event.key];
  if (side) choose(side);
  else if (event.key === " " && (event.target.matches(".face, .voice") || !event.target.matches("button"))) sound();
  else return;
  event.preventDefault();
}

$("agree").addEventListener("change", () => { $("begin").disabled = !$("agree").checked; });
$("consent-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!$("agree").checked) return;
  audio.load();  // inside the click: from here on this element may play
  once(async () => {
    show(await ask("agree", { agree: true }), true);
    sound();
  });
});
$("refuse").addEventListener("click", () => screen("refused"));
$("back").addEventListener("click", () => screen("consent"));
$("withdraw").addEventListener("click", () => {
  if (confirm("Delete all your answers and leave the study? This cannot be undone.")) {
    once(async () => show(await ask("withdraw", { withdraw: true }), false));
  }
});
play.addEventListener("click", sound);
for (const button of Object.values(faces)) button.addEventListener("click", () => choose(button.dataset.side));
document.addEventListener("keydown", onKey);
document.addEventListener("keyup", (event) => {
  if (event.key === " " && event.target.matches(".face, .voice")) event.preventDefault();  // space plays, and does not choose
});
audio.addEventListener("playing", () => {
  if (first.voice !== wanted) first = { voice: wanted, at: performance.now() };
  heard(true);
  if (turn()) question();
});
for (const name of ["ended", "pause"]) audio.addEventListener(name, () => heard(false));
once(async () => show(await ask("state"), false));
