// A lesson as slides. A slide begins at each mark that conf.py puts before a cell; a fragment waits for the next step.
// Arrows, Page Up and Down (what a presenter's clicker sends), space, Home and End; the address names the slide.
function* parts(section) {
  for (const child of section.children) {
    if (child.tagName === "SECTION") yield* parts(child);
    else yield child;
  }
}

function slidesOf(lesson) {
  const begun = (name, className) => Object.assign(document.createElement(name), { className });
  let into = begun("section", "slide");
  const slides = [into];
  for (const part of [...parts(lesson)]) {
    const begins = part.className.match(/^begin-(\w+)/)?.[1];
    if (begins && begins !== "fragment") {
      into = begun("section", "slide");
      slides.push(into);
    } else if (begins) {
      into = begun("div", "fragment");
      slides.at(-1).append(into);
    } else into.append(part);
  }
  return slides.filter((slide) => slide.textContent.trim() || slide.querySelector("img"));
}

function present(slides) {
  const place = document.createElement("div");
  place.id = "place";
  document.body.replaceChildren(...slides, place);
  let at = -1;

  function fit(slide) {
    for (const zoom of [1, 0.9, 0.8, 0.7, 0.6]) { // smaller could not be read from the last row: then it scrolls
      slide.style.cssText = `zoom: ${zoom}; width: ${100 / zoom}vw; max-height: ${100 / zoom}vh`;
      if (slide.scrollHeight <= slide.clientHeight + 1) return;
    }
  }

  function show(number, whole) {
    at = Math.min(Math.max(number, 0), slides.length - 1);
    slides.forEach((slide, k) => slide.classList.toggle("shown", k === at));
    const waiting = slides[at].querySelectorAll(".fragment");
    waiting.forEach((one) => one.classList.add("shown"));
    fit(slides[at]); // with all that it will hold, so that nothing moves later
    waiting.forEach((one) => one.classList.toggle("shown", whole));
    place.textContent = `${at + 1} / ${slides.length}`;
    history.replaceState(null, "", `#${at + 1}`);
    document.title = `${at + 1} · ${slides[at].querySelector("h1, h2, h3, h4")?.textContent ?? document.title}`;
  }

  function forward() {
    const waiting = slides[at].querySelector(".fragment:not(.shown)");
    if (waiting) waiting.classList.add("shown");
    else if (at < slides.length - 1) show(at + 1, false);
  }

  const steps = {
    ArrowRight: forward, PageDown: forward, " ": forward,
    ArrowLeft: () => show(at - 1, true), PageUp: () => show(at - 1, true),
    Home: () => show(0, false), End: () => show(slides.length - 1, true),
  };
  document.addEventListener("keydown", (event) => {
    // A live figure and a folded answer have these keys for themselves; a clicker's go on all the same.
    const own = event.target.closest?.(".live-figure, summary, a, input, select, button") && !event.key.startsWith("Page");
    if (own || !(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    steps[event.key]();
  });
  window.addEventListener("resize", () => fit(slides[at]));
  window.addEventListener("hashchange", () => show(Number(location.hash.slice(1)) - 1, false));
  show(Number(location.hash.slice(1) || 1) - 1, false);
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".headerlink, .related, .clearer, .footer").forEach((one) => one.remove());
  document.querySelectorAll(".tag_hide-input > details").forEach((folded) => folded.remove());
  for (const link of document.querySelectorAll("a.reference")) {
    if (!/^(https?:|[\w-]+\.html)/.test(link.getAttribute("href") ?? "")) link.removeAttribute("href");
  }
  const lesson = document.querySelector("section");
  if (!document.querySelector("[class^='begin-']")) return; // a page of text, such as the list of the lessons
  const slides = slidesOf(lesson);
  window.addEventListener("load", () => present(slides)); // once figures and formulas are drawn
});
