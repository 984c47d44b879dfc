// Everything works without this file; with it, menus close, dialogs open, and a request that fails
// or takes its time says so where the person is looking.
"use strict";

(() => {
  const BUSY_AFTER_MS = 300;
  const words = document.body.dataset;

  // --- Menus: details elements that close on Escape, on a click elsewhere, when focus leaves ------

  const openMenus = () => document.querySelectorAll("details[data-menu][open]");

  document.addEventListener("click", (event) => {
    openMenus().forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  document.addEventListener("focusin", (event) => {
    openMenus().forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    openMenus().forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });

  // --- Dialogs: a link leads to the page that asks; with this script what it asks is fetched and
  // asked in place. What the answer swaps in outside of the dialog closes it. ----------------------

  const asking = document.getElementById("dialog");
  let asked = null;

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("a[data-dialog]");
    if (opener && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      const own = document.getElementById(opener.dataset.dialog);
      asked = opener;
      if (own) own.showModal();
      else htmx.ajax("GET", opener.href, { source: opener, target: asking, swap: "innerHTML" });
    }
    const closer = event.target.closest("[data-close-dialog]");
    if (closer && closer.closest("dialog")) {
      event.preventDefault();
      closer.closest("dialog").close();
    }
  });

  asking.addEventListener("htmx:afterSwap", () => {
    if (!asking.open) asking.showModal();
  });

  asking.addEventListener("htmx:afterRequest", (event) => {
    const { successful, target } = event.detail;
    if (successful && target !== asking) asking.close();
  });

  // The focus goes back to what asked, or to the menu that it stands in, if they are still there.
  asking.addEventListener("close", () => {
    asking.replaceChildren();
    const menu = asked.closest("details:not([open])");
    if (asked.isConnected) (menu ? menu.querySelector("summary") : asked).focus();
    else document.getElementById("main").focus({ preventScroll: true });
  });

  // --- Copying -------------------------------------------------------------------------------------

  const announce = (text) => {
    document.getElementById("announcement").textContent = text;
  };

  const showCopyButtons = (root) => {
    if (!navigator.clipboard) return;
    root.querySelectorAll("[data-copy]").forEach((button) => {
      button.hidden = false;
    });
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    announce(words.copied);
    button.classList.add("color-fg-success");
  });

  showCopyButtons(document);
  document.addEventListener("htmx:load", (event) => showCopyButtons(event.target));

  // --- Requests: busy after a moment, errors beside what was asked for -----------------------------

  const underWay = new Set();
  const busy = document.getElementById("busy");

  document.addEventListener("htmx:beforeRequest", (event) => {
    const request = event.detail.xhr;
    underWay.add(request);
    event.detail.elt.setAttribute("aria-busy", "true");
    setTimeout(() => {
      if (underWay.has(request)) busy.hidden = false;
    }, BUSY_AFTER_MS);
  });

  document.addEventListener("htmx:afterRequest", (event) => {
    underWay.delete(event.detail.xhr);
    event.detail.elt.removeAttribute("aria-busy");
    if (event.detail.successful) errorAt(event.detail.elt)?.remove();
    if (!underWay.size) busy.hidden = true;
  });

  // A form that leads to another page is under way until that page comes; the back button may bring
  // this one back as it was left.
  // A second click would lose the answer to the first, and with it a token that is shown once.
  let sent = new WeakSet();

  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method === "dialog") return;
    if (sent.has(event.target)) {
      event.preventDefault();
      return;
    }
    sent.add(event.target);
    setTimeout(() => {
      busy.hidden = false;
    }, BUSY_AFTER_MS);
  });

  window.addEventListener("pageshow", (event) => {
    sent = new WeakSet();
    if (!event.persisted) return;
    busy.hidden = true;
    stayTrue();
  });

  const placeOf = (elt) =>
    elt.isConnected
      ? elt.closest(".Box-row, .Box, form, .table-scroll") || elt
      : document.getElementById("messages");

  const errorAt = (elt) => {
    const next = placeOf(elt).nextElementSibling;
    return next?.classList.contains("request-error") ? next : null;
  };

  // What a person did is answered anew each time; polling that fails again and again says it once.
  const showError = (elt, text, byPerson) => {
    const shown = errorAt(elt);
    if (shown && !byPerson && shown.textContent === text) return;
    shown?.remove();
    const line = document.createElement("div");
    line.className = "flash-line flash flash-error request-error";
    line.setAttribute("role", "alert");
    line.textContent = text;
    placeOf(elt).after(line);
    if (byPerson) line.scrollIntoView({ block: "nearest" });
  };

  const INSUFFICIENT_STORAGE = 507;

  const says = (name) => (event) => {
    const { elt, requestConfig, xhr } = event.detail;
    const word = xhr.status === INSUFFICIENT_STORAGE ? "errorFull" : name;
    showError(elt, words[word], Boolean(requestConfig?.triggeringEvent));
  };
  document.addEventListener("htmx:responseError", says("errorResponse"));
  document.addEventListener("htmx:sendError", says("errorNetwork"));
  document.addEventListener("htmx:timeout", says("errorTimeout"));

  // --- Staying true: a page that is looked at again, or that shows what is under way, is asked for
  // anew, and takes over what differs. The rest stays as it is, with its focus, its scroll position
  // and what is open; nothing happens while somebody fills in a form or is asked something. --------

  const TRUE_FOR_MS = 1000;
  const MOVES_EVERY_MS = 2000;
  const TIMEOUT_MS = 20000;
  const NOT_FOUND = 404;
  const VIEWERS_OWN = "[data-told], .request-error"; // said in answer to what was done here

  const content = document.getElementById("content");
  let trueAt = performance.now();

  const partsOf = (node) =>
    [...node.childNodes].filter((part) =>
      part instanceof Element ? !part.matches(VIEWERS_OWN) : part.data.trim(),
    );

  // Whether it is the same thing, so that only what is inside is to be looked at. What a select shows
  // does not follow its options, nor what a textarea shows its text: those are compared whole.
  const alike = (...parts) => {
    const [one, other] = parts.map((part) => part.cloneNode(/SELECT|TEXTAREA/.test(part.nodeName)));
    [one, other].forEach((part) => part.nodeName === "DETAILS" && part.removeAttribute("open"));
    return one.nodeType === other.nodeType && (!(one instanceof Element) || one.isEqualNode(other));
  };

  const takeOver = (shown, now) => {
    if (!(shown instanceof Element)) {
      if (shown.data !== now.data) shown.data = now.data;
      return;
    }
    const [before, after] = [partsOf(shown), partsOf(now)];
    if (before.length !== after.length) {
      shown.replaceChildren(...now.childNodes);
    } else {
      before.forEach((part, place) => {
        if (alike(part, after[place])) takeOver(part, after[place]);
        else part.replaceWith(after[place]);
      });
    }
  };

  document.addEventListener("input", ({ target }) => {
    if (target.form && target.form.method !== "get") target.form.dataset.touched = "";
  });

  const isInUse = () =>
    document.querySelector("dialog[open], [data-menu][open], form[data-touched]") ||
    document.activeElement.matches("#content :is(input, textarea)");

  const show = (html) => {
    const now = new DOMParser().parseFromString(html, "text/html").querySelector("[data-stays-true]");
    if (!now) return;
    const focused = document.activeElement;
    takeOver(content, now);
    htmx.process(content);
    showCopyButtons(content);
    if (focused.isConnected) return;
    const same = [...content.querySelectorAll(focused.localName)].find((e) => e.isEqualNode(focused));
    const next = document.getElementById(focused.id) || same || document.getElementById("main");
    next.focus({ preventScroll: true });
  };

  const stayTrue = async () => {
    const rests = document.hidden || performance.now() - trueAt < TRUE_FOR_MS;
    if (rests || !content.matches("[data-stays-true]") || isInUse()) return;
    if (underWay.size) {
      setTimeout(stayTrue, TRUE_FOR_MS); // what is answered meanwhile may be newer
      return;
    }
    trueAt = performance.now();
    const moving = content.querySelector("[data-moves]"); // says what fails; a look says nothing
    try {
      const response = await fetch(location.href, { signal: AbortSignal.timeout(TIMEOUT_MS) });
      const html = await response.text();
      if (underWay.size) setTimeout(stayTrue, TRUE_FOR_MS);
      if (underWay.size || isInUse()) return;
      if (response.redirected || response.status === NOT_FOUND) location.reload();
      if (!response.ok && moving) showError(moving, words.errorResponse, false);
      if (!response.ok || response.redirected) return;
      if (moving) errorAt(moving)?.remove();
      show(html);
    } catch (error) {
      const word = error.name === "TimeoutError" ? "errorTimeout" : "errorNetwork";
      if (moving) showError(moving, words[word], false);
    }
  };

  window.addEventListener("focus", stayTrue);
  document.addEventListener("visibilitychange", stayTrue);
  setInterval(() => {
    if (content.querySelector("[data-moves]")) stayTrue();
  }, MOVES_EVERY_MS);
})();
