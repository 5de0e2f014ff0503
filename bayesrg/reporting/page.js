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
