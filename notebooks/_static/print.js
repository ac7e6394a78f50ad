// The core as one page for the printer: contents, answers behind each lesson, links that paper cannot follow as text.
function element(name, text, attributes = {}) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(text);
  return made;
}

// What is folded away on the screen stands at the lesson's end: whoever guesses on paper is not told at once.
function answersBehind(lesson) {
  const answers = element("section", element("h3", "Answers and solutions"));
  for (const folded of lesson.querySelectorAll("section > details")) {
    const question = element("p", "", { className: "choice" });
    question.append(...folded.querySelector("summary").childNodes);
    folded.replaceWith(question);
    const answer = element("div", question.cloneNode(true), { className: "answer" });
    answer.append(...[...folded.children].filter((one) => one.tagName !== "SUMMARY"));
    answers.append(answer);
  }
  for (const solution of lesson.querySelectorAll(".tag_solution")) {
    const exercise = solution.closest("section").querySelector("h4")?.firstChild.textContent;
    const code = solution.querySelector(".cell_input");
    const answer = element("div", element("p", exercise ?? "Solution", { className: "choice" }), { className: "answer" });
    answer.append(code);
    answers.append(answer);
    solution.remove();
  }
  if (answers.children.length > 1) lesson.append(answers);
}

const HEADINGS = "section h1, section h2, section h3, section h4";

function contents() {
  const list = element("nav", element("p", "Contents", { className: "contents-title" }));
  document.querySelectorAll(HEADINGS).forEach((heading, number) => {
    const glossary = heading.closest("section").parentElement.closest("section")?.id === "glossary";
    if (!["H2", "H3"].includes(heading.tagName) || glossary) return;
    const line = element("a", element("span", ""), { className: `to-${heading.tagName}` });
    line.firstChild.append(...heading.cloneNode(true).childNodes);
    heading.id = `heading-${number}`;
    line.href = `#${heading.id}`;
    line.append(element("span", "000", { className: "page" }));
    line.dataset.heading = number;
    list.append(line);
  });
  document.querySelector("section").querySelector("section, .toctree-wrapper").before(list);
}

// The pages of all headings, in order, known once the book has been printed.
function numberContents(pages) {
  for (const line of document.querySelectorAll("nav a[data-heading]")) {
    line.lastChild.textContent = pages[line.dataset.heading];
  }
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".headerlink, .related").forEach((one) => one.remove());
  // Code that draws, and what an output keeps folded, would be read by nobody on paper.
  const folded = ".tag_hide-input:not(.tag_solution) > details, .cell_output details";
  document.querySelectorAll(folded).forEach((one) => one.remove());
  document.querySelectorAll("h2").forEach((title) => answersBehind(title.closest("section")));
  for (const link of document.querySelectorAll("a[href]")) {
    if (!/^(#|https?:)/.test(link.getAttribute("href"))) link.removeAttribute("href");
  }
  for (const link of document.querySelectorAll("#glossary a, #glossary .xref.myst")) {
    if (/^\d\d$/.test(link.textContent)) link.textContent = `[${link.textContent}]`;
  }
  contents();
});
