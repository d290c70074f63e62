// Puts the chat page into another site; `chat_origins` in credentials.yml names the site:
//
//   <script src="https://bot.example.com/webhooks/rest/chat/embed.js"></script>
//   <script>botChat.setMetadata({ page: { url: location.pathname } })</script>
//
// The attribute data-into="#place" fills an element instead of floating over the page.

(() => {
  const script = document.currentScript;
  const page = new URL("../chat", script.src);
  const sent = []; // all of it is sent again when the page is loaded again
  let ready = false;

  const frame = document.createElement("iframe");
  frame.name = "bot-chat"; // by which the page knows that this script is here
  frame.title = script.dataset.title ?? "Chat";
  frame.referrerPolicy = "no-referrer";

  window.botChat = {
    /** Add metadata, at any time; it goes with every message from then on. */
    setMetadata: (metadata) => send({ metadata }),
    /** Sign in with a token from your backend; `null` signs out. */
    setToken: (token) => send({ token }),
    /** Set it to an async function that returns a new token; it is called shortly before the
     * old one expires, and when the bot rejects it. */
    onTokenExpired: null,
    /** Set it to a function that takes the bot's `custom` payloads. */
    onCustom: null,
  };

  window.addEventListener("message", ({ source, origin, data }) => {
    if (source !== frame.contentWindow || origin !== page.origin) return;
    if (data.ready) {
      ready = true;
      [...sent, { begin: true }].forEach(post);
    }
    if (data.expired) renew();
    if ("custom" in data) window.botChat.onCustom?.(data.custom);
  });

  function send(message) {
    sent.push(message);
    if (ready) post(message);
  }

  function post(message) {
    frame.contentWindow.postMessage(message, page.origin);
  }

  async function renew() {
    try {
      const token = await window.botChat.onTokenExpired?.();
      if (token) send({ token });
    } finally {
      post({ renewed: true });
    }
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
