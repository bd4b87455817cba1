// A verdict by keyboard: the button that says a letter is gone to, so that Enter or space says so. One letter alone decides
// nothing: a slip of a finger must not take what somebody has earned.

document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const button = document.querySelector(`#verdict button[aria-keyshortcuts="${CSS.escape(event.key)}"]`);
  if (button instanceof HTMLElement) {
    event.preventDefault();
    button.focus();
    button.scrollIntoView({ block: "nearest" });
  }
});
