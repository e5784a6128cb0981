"""The page of a run with a planted defect, opened in headless Chromium.

    page_in_browser.py PROGRAM [--keep FOLDER]

With the columns of 62 ranks, at 1280 and at 400 pixels, dark and light: nothing is wider than the
window, the failing cell lies inside its box where one sees it, every text on the heat map is
readable on its ground, and the page asks the network for nothing. Exit code 77 (skipped) where
there is no Chromium. With --keep, pictures are left in the folder, to be looked at.
"""

import html
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SCENARIO = {
    "name": "page",
    "model": {"config": {
        "model_type": "llama", "hidden_size": 16, "intermediate_size": 24,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4,
        "vocab_size": 32, "max_position_embeddings": 32}},
    "deepspeed": {
        "train_micro_batch_size_per_gpu": 1, "zero_optimization": {"stage": 1},
        "optimizer": {"type": "AdamW", "params": {"lr": 0.001}},
        "tensor_parallel": {"autotp_size": 2}},
    "world": 10, "steps": 2, "data": {"generated": True, "sequence": 8},
    "executions": ["reference", "sim"],
    "inject": [{"edit": "set", "value": 1, "steps": [1], "ranks": [7],
                "op": "model.layers.1.mlp.down_proj/backward/matmul_backward_weight"}],
}

# What the page says of itself once it is shown, to the window around it.
PROBE = """
<script>
addEventListener('load', () => setTimeout(() => {
  const light = (color) => {
    const part = color.match(/[\\d.]+/g).slice(0, 3).map((c) => {
      c /= 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
  };
  const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  let least = 99;
  for (const cell of document.querySelectorAll('.legend .cell, .heat td')) {
    const style = getComputedStyle(cell);
    if (!cell.textContent || !cell.className || style.backgroundImage !== 'none') continue;
    least = Math.min(least, contrast(light(style.color), light(style.backgroundColor)));
  }
  const cell = document.getElementById('failing-cell');
  const box = cell.closest('.scroll').getBoundingClientRect();
  const place = cell.getBoundingClientRect();
  const name = cell.parentNode.querySelector('th').getBoundingClientRect();
  const hit = document.elementFromPoint(...(() => {
    cell.closest('.scroll').scrollIntoView();
    const now = cell.getBoundingClientRect();
    return [now.left + now.width / 2, now.top + now.height / 2];
  })());
  parent.postMessage(JSON.stringify({
    width: innerWidth, page: document.documentElement.scrollWidth,
    height: document.documentElement.scrollHeight,
    dark: matchMedia('(prefers-color-scheme: dark)').matches,
    inside: place.left >= box.left && place.right <= box.right &&
            place.top >= box.top && place.bottom <= box.bottom,
    name: name.left >= box.left - 1 && name.right <= box.right + 1,
    covered: hit !== cell, contrast: least,
    charts: document.querySelectorAll('figure > svg').length,
    requests: performance.getEntriesByType('resource').length,
  }), '*');
}, 100));
</script>
"""

WIDTHS = (1280, 400)

# A window is never as narrow as a telephone's screen: a frame is.
FRAME = """<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<body style="margin:0">%s<p id="said"></p><script>
const said = [];
addEventListener('message', (e) => {
  said.push(JSON.parse(e.data));
  document.getElementById('said').textContent = JSON.stringify(said);
});
</script>"""


def framed(place, widths, height):
    frame = '<iframe style="border:0" width="%d" height="%d" src="probed.html"></iframe>'
    (place / "frame.html").write_text(FRAME % "".join(frame % (w, height) for w in widths))


def run(program, place):
    (place / "page.json").write_text(json.dumps(SCENARIO))
    ran = subprocess.run([program, "run", str(place / "page.json"), "--out", str(place / "out")],
                         capture_output=True, text=True, timeout=300)
    assert ran.returncode == 1, (ran.returncode, ran.stdout, ran.stderr)
    return next(place.glob("out/**/report.html"))


def check_source(page):
    """What holds without a browser."""
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*)</tr>', page)
    failing = [name for name, cells in rows if 'id="failing-cell"' in cells]
    print("failing:", failing)
    assert len(failing) == 1 and "layers.1.mlp.down_proj" in failing[0], failing
    assert 'title="rank 7: ' in page
    names = [html.unescape(name) for name, _ in rows]
    order = [next(i for i, name in enumerate(names) if part in name)
             for part in ("forward/model.layers.0", "forward/model.layers.1",
                          "backward/model.layers.1", "backward/model.layers.0")]
    assert order == sorted(order), order
    assert len(page.encode()) < 2_000_000


def with_more_ranks(page):
    """As if there were 52 more ranks before these: a run of so many would take minutes."""
    page = re.sub(r'(<tr><th scope="row">[^\n]*?</th>)(?=<td)', r"\1" + 52 * "<td class=b>=", page)
    title = '<th class="wide" scope="colgroup" colspan="4">more</th>'
    first = '<tr><th scope="col">tensor, by rank</th>'
    assert first in page
    return page.replace(first, first + 13 * title)


def browser():
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((path for path in map(shutil.which, names) if path), None)


def chromium(program, place, scheme, height, *words):
    profile = tempfile.mkdtemp(dir=place)
    # 0 is dark, 1 is light.
    scheme = f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}"
    return subprocess.run(
        [program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", scheme,
         f"--user-data-dir={profile}", f"--window-size=1300,{height}", "--virtual-time-budget=3000",
         *words, str(place / "frame.html")],
        capture_output=True, text=True, timeout=120, check=True).stdout


def check(said, scheme):
    print(scheme, said)
    assert said["dark"] == (scheme == "dark"), said
    assert said["page"] <= said["width"], "the page is wider than its window"
    assert said["inside"] and not said["covered"], "the failing cell is not in view"
    assert said["name"], "the name of its row is not in view"
    assert said["contrast"] >= 4.5, "a sign of the heat map is not readable"
    assert said["charts"] >= 4, "charts are missing"
    assert said["requests"] == 0, "the page asks for something"


def check_shown(program, place, scheme, keep):
    framed(place, WIDTHS, 900)
    shown = chromium(program, place, scheme, 1000, "--dump-dom")
    every = json.loads(html.unescape(re.search(r'<p id="said">(.*?)</p>', shown).group(1)))
    assert sorted(said["width"] for said in every) == sorted(WIDTHS), every
    for said in every:
        check(said, scheme)
        if keep:
            framed(place, [said["width"]], said["height"])
            picture = pathlib.Path(keep).resolve() / f"page-{said['width']}-{scheme}.png"
            chromium(program, place, scheme, said["height"], f"--screenshot={picture}")


def main():
    keep = sys.argv[3] if sys.argv[2:3] == ["--keep"] else None
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        page = run(sys.argv[1], place).read_text()
        check_source(page)
        program = browser()
        if program is None:
            print("skipped: there is no Chromium")
            return 77
        probed = with_more_ranks(page).replace("</body>", PROBE + "</body>")
        (place / "probed.html").write_text(probed)
        for scheme in ("light", "dark"):
            check_shown(program, place, scheme, keep)
    return 0


sys.exit(main())
