"use strict";
for (const button of document.querySelectorAll("button[data-copies]")) {
  const source = document.getElementById(button.dataset.copies);
  const status = button.parentElement.querySelector("[role=status]");
  const select = () => {
    const range = document.createRange();
    range.selectNodeContents(source);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  };
  button.addEventListener("click", async () => {
    let copied = false;
    if (navigator.clipboard && window.isSecureContext) {
      copied = await navigator.clipboard.writeText(source.innerText).then(() => true, () => false);
    }
    if (!copied) {
      select();
      copied = document.execCommand("copy");
    }
    status.textContent = copied ? "Copied." : "Selected: press Ctrl+C (or ⌘C) to copy.";
  });
}
for (const place of document.querySelectorAll(".searchable")) {
  const body = place.querySelector("tbody");
  const rows = [...body.rows];
  const search = place.querySelector(".search");
  const status = search.querySelector("[role=status]");
  search.hidden = false;
  search.querySelector("input").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    status.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
  });
  const key = (row, column) => row.cells[column].dataset.key ?? row.cells[column].textContent;
  const heads = [...place.querySelectorAll("thead th")];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    const numbers = rows.every((row) => "key" in row.cells[column].dataset);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") === "descending" || (!numbers && !head.hasAttribute("aria-sort"));
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const compare = (a, b) => {
        const [one, two] = [key(a, column), key(b, column)];
        if (!numbers) return (up ? 1 : -1) * one.localeCompare(two, "en", { numeric: true });
        if (one === "nan" || two === "nan") return (one === "nan") - (two === "nan");
        return (up ? 1 : -1) * (Number(one) - Number(two));
      };
      body.append(...[...rows].sort(compare));
    });
  });
}
