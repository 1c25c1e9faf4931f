// What pages do beyond links and forms: drop a photo, copy a line, light a box. Everything works without this file.
"use strict";

function dropPhoto(form) {
  const zone = form.querySelector("[data-drop]");
  const input = form.querySelector('input[type="file"]');
  zone.querySelector("[data-drop-words]").hidden = false;
  let depth = 0;
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    zone.classList.toggle("over", depth > 0);
  };
  zone.addEventListener("dragenter", (event) => { event.preventDefault(); mark(1); });
  zone.addEventListener("dragleave", () => mark(-1));
  zone.addEventListener("dragover", (event) => event.preventDefault());
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    mark(0);
    if (event.dataTransfer.files.length) {
      input.files = event.dataTransfer.files;
      form.requestSubmit();
    }
  });
  form.addEventListener("submit", () => {
    const button = form.querySelector("[data-submit]");
    button.textContent = form.dataset.busy;
    button.setAttribute("aria-disabled", "true");
  });
}

function readSample(button) {
  const form = document.querySelector("[data-photo-form]");
  button.hidden = false;
  for (const words of document.querySelectorAll("[data-sample-words]")) words.hidden = false;
  button.addEventListener("click", async () => {
    const answer = await fetch(button.dataset.sample);
    const files = new DataTransfer();
    files.items.add(new File([await answer.blob()], "sample.webp", { type: "image/webp" }));
    form.querySelector('input[type="file"]').files = files.files;
    form.requestSubmit();
  });
}

function copyText(button) {
  if (!navigator.clipboard) return;
  const words = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = words; }, 2000);
  });
}

function lightBox(card) {
  const mark = document.querySelector(`[data-mark="${card.dataset.found}"]`);
  if (!mark) return;
  for (const [event, lit] of [["mouseenter", true], ["mouseleave", false], ["focusin", true], ["focusout", false]]) {
    card.addEventListener(event, () => mark.classList.toggle("is-lit", lit));
  }
}

function chooseImage(select) {
  // A picture goes with the format multipart alone.
  const format = document.getElementById(select.dataset.needsMultipart);
  select.addEventListener("change", () => { if (select.value !== "none") format.value = "multipart"; });
}

document.querySelectorAll("[data-photo-form]").forEach(dropPhoto);
document.querySelectorAll("[data-sample]").forEach(readSample);
document.querySelectorAll("[data-copy]").forEach(copyText);
document.querySelectorAll("[data-found]").forEach(lightBox);
document.querySelectorAll("[data-needs-multipart]").forEach(chooseImage);
