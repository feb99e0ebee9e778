// The page of the plot: each change gives the picture another URL.

const $ = (id) => document.getElementById(id);

function draw() {
  const numbers = $("numbers").value.split(/[\s,;]+/).filter(Boolean).map(Number);
  if (numbers.some(Number.isNaN)) return say("These are not all numbers.", "wrong");
  say(`${numbers.length} numbers`);
  $("plot").src = urlOf($("form").action, $("code").value, { numbers, title: $("title").value });
}

function say(words, kind = "faint") {
  $("status").textContent = words;
  $("status").className = kind;
}

/** Says why there is no picture: an <img> cannot. */
async function explain() {
  const answer = await fetch($("plot").src);
  say(await answer.text(), "wrong");
}

$("code").value = `${$("adaptor").textContent.trim()}\n`;
$("form").addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("input", draw);
$("plot").addEventListener("error", explain);
draw();
