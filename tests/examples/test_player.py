"""The pages' player: pieces of sound that come one by one are one sound."""

import pytest
from harness.program import ROOT
from harness.server import Server
from playwright.sync_api import Page

PLAYER_JS = (ROOT / "examples/player.js").read_text()
LEAD = 0.1

# Notes when each piece is to begin, how long it is, and what time it was then. The time stands
# still while pieces are pushed together: a busy machine may take longer for that than they last.
SCRIPT = f"""async () => {{
  {PLAYER_JS}
  const started = [];
  const {{ start }} = AudioBufferSourceNode.prototype;
  AudioBufferSourceNode.prototype.start = function (when) {{
    started.push([when, this.buffer.duration, this.context.currentTime]);
    return start.call(this, when);
  }};
  const clock = Object.getOwnPropertyDescriptor(BaseAudioContext.prototype, "currentTime").get;
  let [time, isStill] = [0, false];
  Object.defineProperty(BaseAudioContext.prototype, "currentTime", {{
    get() {{
      return isStill ? time : (time = clock.call(this));
    }},
  }});
  const player = new Player(16000);
  const push = (...pieces) => {{
    isStill = true;
    pieces.forEach((seconds) => player.push([new Float32Array(16000 * seconds)]));
    isStill = false;
  }};
  push(0.2, 0.001, 0.3);
  while (player.played < player.received) await new Promise(requestAnimationFrame);
  push(0.1);
  await player.toggle();
  const paused = player.isPaused;
  await player.toggle();
  return {{ started, received: player.received, paused, isPaused: player.isPaused }};
}}"""


def test_pieces_follow_each_other_and_late_ones_come_as_soon_as_they_can(
    page: Page, example_server: Server
) -> None:
    page.goto(f"{example_server.url}/_owt/health")
    found = page.evaluate(SCRIPT)
    (first, *in_time, late) = found["started"]
    when, duration, now = first
    assert when == pytest.approx(now + LEAD)
    for following in in_time:
        assert following[0] == pytest.approx(when + duration)
        when, duration, _ = following
    assert late[0] == pytest.approx(late[2] + LEAD)
    assert late[0] > when + duration
    assert found["received"] == pytest.approx(0.601)
    assert (found["paused"], found["isPaused"]) == (True, False)
