// Draws each figure when it comes near the window, and all of them for printing.
(() => {
  "use strict";
  const PRINT_WIDTH = 680; // pixels: A4 and letter paper less the margins of the style sheet
  const CONFIG = {displaylogo: false, responsive: true, modeBarButtonsToRemove: ["select2d", "lasso2d"]};
  const root = document.documentElement;
  const places = [...document.querySelectorAll("[data-figure]")];
  const drawn = new Set();

  function colour(name) {
    return getComputedStyle(root).getPropertyValue(name).trim();
  }

  // The page's colours of this moment, in place of those that a figure has for any page.
  function coloured(layout) {
    const theme = (layout.template || {}).layout || {};
    const line = {gridcolor: colour("--line"), linecolor: colour("--line"), zerolinecolor: colour("--line")};
    theme.font = {...theme.font, color: colour("--muted")};
    theme.xaxis = {...theme.xaxis, ...line};
    theme.yaxis = {...theme.yaxis, ...line};
    theme.hoverlabel = {...theme.hoverlabel, bgcolor: colour("--soft"), bordercolor: colour("--line"), font: {color: colour("--ink")}};
    layout.template = {...layout.template, layout: theme};
    return layout;
  }

  function draw(place, width) {
    const figure = JSON.parse(document.getElementById(place.dataset.figure).textContent);
    const layout = coloured(figure.layout);
    if (width) layout.width = Math.min(width, layout.width || width);
    drawn.add(place);
    Plotly.newPlot(place, figure.data, layout, width ? {...CONFIG, responsive: false} : CONFIG);
    root.dataset.drawn = String(drawn.size);
  }

  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      near.unobserve(entry.target);
      if (!drawn.has(entry.target)) draw(entry.target);
    }
  }, {rootMargin: "400px 0px"});
  places.forEach((place) => near.observe(place));

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach((place) => draw(place)));
  addEventListener("beforeprint", () => {
    root.classList.add("printing");
    places.forEach((place) => draw(place, PRINT_WIDTH));
  });
  addEventListener("afterprint", () => {
    root.classList.remove("printing");
    places.forEach((place) => draw(place));
  });

  // A click on a heading sorts the table by that column, another one the other way round.
  function value(row, column) {
    const text = row.cells[column].dataset.value;
    const number = Number(text);
    return text === "" ? null : Number.isNaN(number) ? text : number;
  }

  function compared(a, b) {
    if (a === null || b === null) return (a === null) - (b === null);
    return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  }

  function showAll(table) {
    const body = table.tBodies[0];
    for (const rest of [...table.tBodies].slice(1)) {
      body.append(...rest.rows);
      rest.remove();
    }
    document.querySelector(`[data-shows="${table.id}"]`)?.parentElement.remove();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.shows) showAll(document.getElementById(button.dataset.shows));
    const head = button?.closest(".trials thead th");
    if (!head) return;
    const table = head.closest("table");
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    showAll(table);
    const column = head.cellIndex;
    const rows = [...table.tBodies[0].rows].map((row) => [value(row, column), row]);
    rows.sort(([a], [b]) => (down && a !== null && b !== null ? compared(b, a) : compared(a, b)));
    table.tBodies[0].append(...rows.map(([, row]) => row));
  });
})();
