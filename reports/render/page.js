'use strict';
// The failing cell of the heat map, into view within its box.
(() => {
  const cell = document.getElementById('failing-cell');
  if (!cell) return;
  const box = cell.closest('.scroll');
  const place = cell.getBoundingClientRect();
  const seen = box.getBoundingClientRect();
  box.scrollTop += place.top - seen.top - seen.height / 2;
  box.scrollLeft += place.left - seen.left - 0.75 * seen.width;  // the names stand at the left
})();

// What is folded is printed.
window.addEventListener('beforeprint', () => {
  for (const folded of document.querySelectorAll('details')) folded.open = true;
});

// The table tensor x rank. The data: {ranks, rows: [[name, cells]]}; a cell is null (not judged), a
// used part of the bound (passed), or [used part, folder of the first failure] (failed).
(() => {
  const stored = document.getElementById('tensor-data');
  if (!stored) return;
  const data = JSON.parse(stored.textContent);
  const place = document.getElementById('table');
  const words = document.getElementById('words');
  const failing = document.getElementById('failing');
  const shown = document.getElementById('shown');
  const chunk = 100;
  const failed = (row) => row[1].some(Array.isArray);
  let rows = [];
  let body = null;

  function element(tag, text, kind) {
    const made = document.createElement(tag);
    made.textContent = text;
    if (kind) made.className = kind;
    return made;
  }

  function cellOf(cell) {
    if (cell === null) return element('td', '–', 'number empty');
    if (cell === '?') return element('td', '? not judged', 'number');
    if (!Array.isArray(cell)) return element('td', 'ok ' + cell, 'number');
    const made = element('td', '✗ FAIL ' + cell[0], 'number failed');
    made.append(document.createElement('br'), element('span', cell[1]));
    return made;
  }

  function rowOf(row) {
    const made = document.createElement('tr');
    const name = element('th', row[0], 'name');
    name.scope = 'row';
    made.append(name, ...row[1].map(cellOf));
    return made;
  }

  function more() {
    const next = rows.slice(body.rows.length, body.rows.length + chunk);
    body.append(...next.map(rowOf));
  }

  function show() {
    const wanted = words.value.toLowerCase().split(/\s+/);
    rows = data.rows.filter((row) => (!failing.checked || failed(row)) &&
                                     wanted.every((word) => row[0].toLowerCase().includes(word)));
    const table = document.createElement('table');
    const head = table.createTHead().insertRow();
    for (const text of ['tensor', ...Array.from({length: data.ranks}, (_, r) => 'rank ' + r)]) {
      const title = element('th', text, text === 'tensor' ? 'name' : 'number');
      title.scope = 'col';
      head.append(title);
    }
    body = table.createTBody();
    more();
    place.replaceChildren(table);
    place.scrollTop = 0;
    shown.textContent = rows.length + ' of ' + data.rows.length + ' tensors, ' +
                        rows.filter(failed).length + ' failing';
  }

  place.addEventListener('scroll', () => {
    if (place.scrollTop + place.clientHeight > place.scrollHeight - 400) more();
  });
  window.addEventListener('beforeprint', () => { while (body.rows.length < rows.length) more(); });
  words.addEventListener('input', show);
  failing.addEventListener('change', show);
  document.getElementById('filter').addEventListener('submit', (event) => event.preventDefault());
  show();
})();
