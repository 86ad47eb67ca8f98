"use strict";
// Loads each panel when it comes into view, again at every refresh, and when its width changed.
(() => {
  const grid = document.querySelector("main.grid");

  async function count() {
    const place = document.getElementById("firing");
    try {
      const answer = await fetch("/alerts/firing");
      const text = answer.ok ? await answer.text() : "?";
      place.textContent = text === "0" ? "" : text;
      place.title = `${text} alerts fire`;
    } catch {
      place.textContent = "?";
    }
  }
  count();
  setInterval(count, 30000);
  if (!grid) return;

  const visible = new Set();
  const sizeOf = (inside) => {
    const width = Math.max(160, Math.round(inside.clientWidth / 10) * 10);
    const height = Math.max(40, Math.round(inside.clientHeight / 2) * 2);
    return `${width},${height}`;
  };

  async function load(figure) {
    const inside = figure.querySelector(".inside");
    if (figure.dataset.loading) return;
    figure.dataset.loading = "1";
    inside.setAttribute("aria-busy", "true");
    const size = sizeOf(inside);
    const [width, height] = size.split(",");
    const query = new URLSearchParams(grid.dataset.query);
    query.set("width", width);
    query.set("height", height);
    try {
      const answer = await fetch(`${location.pathname}/panels/${figure.dataset.panel}?${query}`);
      const text = await answer.text();
      if (answer.ok) {
        inside.innerHTML = text;
        figure.dataset.size = size;
      } else {
        fail(inside, text);
      }
    } catch {
      fail(inside, "The server of these pages does not answer.");
    }
    inside.removeAttribute("aria-busy");
    delete figure.dataset.loading;
  }

  function fail(inside, text) {
    const line = document.createElement("p");
    line.className = "problem";
    line.setAttribute("role", "alert");
    line.textContent = text;
    inside.replaceChildren(line);
  }

  const figures = [...grid.querySelectorAll("figure")];
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) visible.add(target); else visible.delete(target);
      if (isIntersecting && !target.dataset.size) load(target);
    }
  }, { rootMargin: "300px" });
  figures.forEach((figure) => seen.observe(figure));

  const refresh = Number(grid.dataset.refresh);
  if (refresh) {
    setInterval(() => {
      if (document.visibilityState === "visible") visible.forEach(load);
    }, refresh * 1000);
  }
  let waiting;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => visible.forEach((figure) => {
      if (figure.dataset.size !== sizeOf(figure.querySelector(".inside"))) load(figure);
    }), 200);
  });

  // A choice applies at once; several values of one variable when its list is closed.
  const form = document.getElementById("controls");
  form.querySelectorAll("select").forEach((one) => one.addEventListener("change", () => form.submit()));
  form.querySelectorAll("details").forEach((one) => {
    const state = () => [...one.querySelectorAll("input")].map((box) => box.checked).join();
    const before = state();
    one.addEventListener("toggle", () => {
      if (one.open) {
        form.querySelectorAll("details[open]").forEach((other) => { if (other !== one) other.open = false; });
      } else if (state() !== before) {
        form.submit();
      }
    });
    one.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { one.open = false; one.querySelector("summary").focus(); }
    });
  });
  document.addEventListener("click", (event) => {
    form.querySelectorAll("details[open]").forEach((one) => { if (!one.contains(event.target)) one.open = false; });
  });
})();
