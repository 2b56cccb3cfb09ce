"use strict";
/* What makes a page handier; all of it can be read without. Words and numbers stand in the page, none are made here. */
document.documentElement.classList.add("script");

/* A list of pairs or classes, of which a search leaves the rows that hold its text. */
for (const field of document.querySelectorAll("input[data-searches]")) {
  const rows = [...document.getElementById(field.dataset.searches).querySelectorAll("tr:has(th[scope=row])")];
  const count = document.getElementById(`${field.dataset.searches}-count`);
  const texts = rows.map((row) => row.textContent.toLowerCase());
  field.addEventListener("input", () => {
    const wanted = field.value.toLowerCase().trim();
    let shown = 0;
    rows.forEach((row, i) => {
      row.hidden = !texts[i].includes(wanted);
      shown += !row.hidden;
    });
    count.textContent = wanted ? `${shown} of ${rows.length}` : "";
  });
}

/* A slider that shows one sentence of a list, and marks its point in the drawing. */
for (const slider of document.querySelectorAll("input[data-steps]")) {
  const steps = [...document.getElementById(slider.dataset.steps).children];
  const choose = () => {
    steps.forEach((step, i) => step.classList.toggle("chosen", i === Number(slider.value)));
    for (const mark of document.querySelectorAll("circle[data-row]")) {
      mark.classList.toggle("chosen", mark.dataset.row === slider.value);
    }
    slider.setAttribute("aria-valuetext", steps[slider.value].textContent);
  };
  slider.addEventListener("input", choose);
  choose();
}

/* The cells of a matrix: arrow keys go from one to the next that has pictures; the one that is open is marked. */
for (const grid of document.querySelectorAll(".grid")) {
  const rows = [...grid.rows];
  grid.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const cell = event.target.closest("td");
    if (!step || !cell) return;
    event.preventDefault();
    let row = cell.parentElement.rowIndex + step[0], column = cell.cellIndex + step[1];
    for (; rows[row]?.cells[column]; row += step[0], column += step[1]) {
      const link = rows[row].cells[column].querySelector("a");
      if (link) return link.focus();
    }
  });
  const mark = () => grid.querySelectorAll("a").forEach((link) => link.classList.toggle("chosen", link.hash === location.hash));
  addEventListener("hashchange", mark);
  mark();
}
