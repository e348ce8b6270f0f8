/** How many pixels must be covered before that is a keyboard, and not a bar of the browser. */
const leastKeyboard = 100;

/**
 * Keeps the application within what a phone's keyboard leaves of the screen, also where the browser does not make the page
 * smaller for it (iOS). Styles read --visible-height, which is not set while there is no keyboard.
 */
export function keepInSight(): void {
  const viewport = window.visualViewport;
  const { style } = document.documentElement;
  viewport?.addEventListener("resize", () => {
    // While one looks closer by pinching, less is visible for another reason.
    if (viewport.scale === 1 && viewport.height < innerHeight - leastKeyboard) {
      style.setProperty("--visible-height", `${Math.round(viewport.height)}px`);
      scrollTo(0, 0);
    } else {
      style.removeProperty("--visible-height");
    }
  });
}
