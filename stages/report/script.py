"""The page's one script: it sorts, filters, folds and copies tables, and tells their age. The page says all without it.

The policy allows exactly these bytes, by their digest; nothing of a report is ever put between them.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

SCRIPT = """
'use strict';
(() => {
  const number = (text) => {
    const found = text.replace(/[\\u2212]/g, '-').match(/^[\\s+<>~≤≥]*(-?\\d[\\d.]*(?:e[-+]?\\d+)?)/);
    return found ? parseFloat(found[1]) : NaN;
  };
  const text = (cell) => cell.textContent.replace(/\\u00a0/g, ' ').trim();
  const quoted = (value) => {
    const safe = /^[=+\\-@]/.test(value) && isNaN(Number(value)) ? "'" + value : value;
    return /[",\\n]/.test(safe) ? '"' + safe.replace(/"/g, '""') + '"' : safe;
  };
  const button = (words, act) => {
    const made = document.createElement('button');
    made.type = 'button';
    made.textContent = words;
    made.addEventListener('click', () => act(made));
    return made;
  };
  const copy = async (csv) => {
    try {
      await navigator.clipboard.writeText(csv);
      return true;
    } catch {
      const area = document.createElement('textarea');
      area.value = csv;
      document.body.append(area);
      area.select();
      const done = document.execCommand('copy');
      area.remove();
      return done;
    }
  };
  for (const moment of document.querySelectorAll('time')) {
    const hours = (Date.now() - Date.parse(moment.dateTime)) / 36e5;
    const some = hours < 48 ? Math.round(hours) + ' h' : Math.round(hours / 24) + ' d';
    moment.after(hours < 2 ? ', just now' : ', ' + some + ' ago');
  }
  for (const table of document.querySelectorAll('table.data')) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    const box = table.closest('.scroll');
    const tools = document.createElement('div');
    tools.className = 'tools';
    const told = document.createElement('span');
    told.setAttribute('role', 'status');
    const folded = rows.filter((row) => row.hasAttribute('data-folded'));
    let open = !folded.length;
    let wanted = '';
    const show = () => {
      let seen = 0;
      for (const row of rows) {
        const right = wanted ? text(row).toLowerCase().includes(wanted) : open || !row.hasAttribute('data-folded');
        row.hidden = !right;
        seen += right;
      }
      told.textContent = seen < rows.length ? seen + ' of ' + rows.length + ' shown' : '';
    };
    heads.forEach((head, at) => {
      const name = text(head);
      const sort = button(name, () => {
        const down = head.getAttribute('aria-sort') === 'ascending';
        for (const other of heads) other.removeAttribute('aria-sort');
        head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
        const numbers = head.classList.contains('right');
        const key = (row) => (numbers ? number : String)(text(row.cells[at]));
        const keyed = rows.map((row, place) => [key(row), place, row]);
        keyed.sort(([a, i], [b, j]) => {
          if (numbers && (isNaN(a) || isNaN(b))) return isNaN(a) - isNaN(b) || i - j;
          const order = numbers ? a - b : a.localeCompare(b, 'en', {numeric: true});
          return (down ? -order : order) || i - j;
        });
        body.append(...keyed.map(([, , row]) => row));
      });
      head.replaceChildren(sort);
    });
    if (rows.length > 7) {
      const label = document.createElement('label');
      const field = document.createElement('input');
      field.type = 'search';
      field.addEventListener('input', () => {
        wanted = field.value.trim().toLowerCase();
        show();
      });
      label.append('Filter ', field);
      tools.append(label);
    }
    if (folded.length) {
      const words = () => (open ? 'Hide ' : 'Show ') + folded.length + ' that others beat in everything';
      const fold = button(words(), () => {
        open = !open;
        fold.textContent = words();
        fold.setAttribute('aria-expanded', String(open));
        show();
      });
      fold.setAttribute('aria-expanded', 'false');
      tools.append(fold);
    }
    tools.append(button('Copy as CSV', async (made) => {
      const lines = [heads, ...[...body.rows].filter((row) => !row.hidden).map((row) => [...row.cells])];
      const csv = lines.map((cells) => cells.map((cell) => quoted(text(cell))).join(',') + '\\n');
      const done = await copy(csv.join(''));
      made.textContent = done ? 'Copied' : 'This browser does not let a page copy';
      setTimeout(() => { made.textContent = 'Copy as CSV'; }, 2000);
    }), told);
    box.before(tools);
    show();
    addEventListener('beforeprint', () => { for (const row of rows) row.hidden = false; });
    addEventListener('afterprint', show);
  }
})();
"""


def allowed(text: str) -> str:
    """Return the source expression that lets a content policy take exactly these bytes."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
