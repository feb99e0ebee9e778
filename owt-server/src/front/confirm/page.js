// The button works once its page has been in front of somebody for a second, so that no click or key
// that was meant for another page presses it. The server does not take an earlier one either.
const form = document.querySelector('form');
const button = form.querySelector('button');
const words = button.textContent;
let timer;

function disarm() {
  clearTimeout(timer);
  button.textContent = words;
  button.setAttribute('aria-disabled', 'true');
}

function arm() {
  disarm();
  if (document.visibilityState === 'visible' && document.hasFocus()) {
    timer = setTimeout(() => button.removeAttribute('aria-disabled'), 1100);
  }
}

form.addEventListener('submit', (event) => {
  if (button.hasAttribute('aria-disabled')) {
    event.preventDefault();
    return;
  }
  button.setAttribute('aria-disabled', 'true');
  button.textContent = 'Running …';
});

for (const name of ['focus', 'pageshow', 'resize']) addEventListener(name, arm);
addEventListener('blur', disarm);
document.addEventListener('visibilitychange', arm);
arm();
