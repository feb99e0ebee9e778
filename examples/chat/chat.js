// The page of the chat: an answer is an EventSource, which GETs events from the adaptor.

const $ = (id) => document.getElementById(id);

/** The answer that is coming in, if there is one. */
let current = null;

function ask(prompt) {
  current?.end();
  write("question", prompt);
  // An EventSource can only GET: the whole call goes into the query.
  const url = urlOf($("form").action, $("code").value, { prompt });
  current = new Answer(url, write("answer is-coming", prompt));
}

class Answer {
  #events;
  #line;

  constructor(url, line) {
    this.#line = line;
    this.#events = new EventSource(url);
    this.#events.onmessage = ({ data }) => this.#add(JSON.parse(data).token);
    this.#events.addEventListener("done", () => this.end());
    // By itself it would ask again, and so begin a new answer.
    this.#events.onerror = () => this.end("The answer broke off: the server's log says why.");
    $("stop").disabled = false;
  }

  #add(token) {
    this.#line.textContent += token;
    this.#line.scrollIntoView({ block: "nearest" });
  }

  /** Ends it here; the server notices, and closes the generator. */
  end(reason) {
    this.#events.close();
    this.#line.classList.remove("is-coming");
    if (reason) write("answer wrong", reason);
    $("stop").disabled = true;
  }
}

function write(kind, words) {
  const line = document.createElement("p");
  line.className = kind;
  line.textContent = words;
  $("talk").append(line);
  return line;
}

$("code").value = `${$("adaptor").textContent.trim()}\n`;
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  ask($("prompt").value);
});
$("stop").addEventListener("click", () => current.end());
