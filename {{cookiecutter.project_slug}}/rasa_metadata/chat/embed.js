// Puts the chat page into another site; `chat_origins` in credentials.yml lets it in there:
//
//   <script src="https://bot.example.com/webhooks/rest/chat/embed.js"></script>
//   <script>botChat.setMetadata({ page: { url: location.pathname } })</script>
//
// The attribute data-into="#place" fills an element instead of floating over the page.

(() => {
  const script = document.currentScript;
  const page = new URL("../chat", script.src);
  const waiting = []; // what was said before the page could hear it
  let ready = false;

  const frame = document.createElement("iframe");
  frame.title = script.dataset.title ?? "Chat";
  frame.referrerPolicy = "no-referrer";

  window.botChat = {
    /** Add metadata, at any time; it goes with every message from then on. */
    setMetadata: (metadata) => tell({ metadata }),
    /** Sign in with a token of your backend's; `null` signs out. */
    setToken: (token) => tell({ token }),
    /** Set it to a function that takes the bot's `custom` payloads. */
    onCustom: null,
  };

  window.addEventListener("message", ({ source, origin, data }) => {
    if (source !== frame.contentWindow || origin !== page.origin) return;
    if (data.ready) {
      ready = true;
      waiting.splice(0).forEach(tell);
    }
    if ("custom" in data) window.botChat.onCustom?.(data.custom);
  });

  function tell(message) {
    if (ready) frame.contentWindow.postMessage(message, page.origin);
    else waiting.push(message);
  }

  function place() {
    const { into } = script.dataset;
    if (into) {
      frame.src = page;
      Object.assign(frame.style, { width: "100%", height: "100%", border: "0" });
      document.querySelector(into).append(frame);
    } else {
      document.body.append(floating(), button());
    }
  }

  function floating() {
    Object.assign(frame.style, {
      ...{ position: "fixed", insetBlockEnd: "5rem", insetInlineEnd: "1rem", zIndex: "2147483647" },
      ...{ width: "min(24rem, calc(100vw - 2rem))", height: "min(36rem, calc(100vh - 7rem))" },
      ...{ border: "1px solid #8886", borderRadius: "0.75rem", boxShadow: "0 0.5rem 2rem #0004" },
    });
    frame.hidden = true;
    return frame;
  }

  function button() {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = frame.title;
    made.setAttribute("aria-expanded", "false");
    Object.assign(made.style, {
      ...{ position: "fixed", insetBlockEnd: "1rem", insetInlineEnd: "1rem", zIndex: "2147483647" },
      ...{ padding: "0.8rem 1.2rem", border: "0", borderRadius: "2rem", cursor: "pointer" },
      ...{ background: "#2f53c7", color: "#fff", font: "600 1rem system-ui, sans-serif" },
    });
    made.addEventListener("click", () => {
      frame.src ||= page; // nothing is loaded for those who never ask
      frame.hidden = !frame.hidden;
      made.setAttribute("aria-expanded", String(!frame.hidden));
    });
    return made;
  }

  if (document.body) place();
  else window.addEventListener("DOMContentLoaded", place);
})();
