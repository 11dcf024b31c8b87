// Buttons, dots and automatic advance for the banners, which scroll and snap
// without this script: it only ever asks the track to scroll.
"use strict";

{
  const ADVANCE_AFTER_MS = 7000;
  const SETTLED_AFTER_MS = 150; // without a scroll event
  const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");

  function setUpCarousel(carousel) {
    const find = (name) => carousel.querySelector(`[data-carousel-${name}]`);
    const track = find("track");
    if (!track) return; // One banner: nothing to control.
    const dots = [...carousel.querySelectorAll("[data-carousel-dot]")];
    const pause = find("pause");
    let target = 0; // Where a smooth scroll is going: two quick clicks are two steps.
    let advanceTimer;
    let settleTimer;

    const current = () => Math.round(track.scrollLeft / track.clientWidth);

    // CSS decides whether the scroll is smooth, and it is not with reduced motion.
    function show(index) {
      target = (index + dots.length) % dots.length;
      track.scrollTo({ left: target * track.clientWidth });
    }

    function settle() {
      clearTimeout(settleTimer);
      settleTimer = setTimeout(() => {
        target = current();
      }, SETTLED_AFTER_MS);
    }

    function markCurrentDot() {
      dots.forEach((dot, index) => {
        dot.setAttribute("aria-current", String(index === current()));
      });
    }

    const isPaused = () => pause.getAttribute("aria-pressed") === "true";

    // Nobody should lose the banner they are reading or about to follow.
    function mayAdvance() {
      return !(
        isPaused() ||
        reducedMotion.matches ||
        document.hidden ||
        carousel.matches(":hover, :focus-within")
      );
    }

    function waitAndAdvance() {
      clearTimeout(advanceTimer);
      advanceTimer = setTimeout(() => {
        if (mayAdvance()) show(target + 1);
        waitAndAdvance();
      }, ADVANCE_AFTER_MS);
    }

    const steps = { ArrowLeft: -1, ArrowRight: 1 };
    track.addEventListener("keydown", (event) => {
      if (event.target !== track || !(event.key in steps)) return;
      event.preventDefault();
      show(target + steps[event.key]);
    });
    track.addEventListener("scroll", () => {
      markCurrentDot();
      settle();
      waitAndAdvance(); // A banner just reached gets its full time.
    });
    find("previous").addEventListener("click", () => show(target - 1));
    find("next").addEventListener("click", () => show(target + 1));
    dots.forEach((dot, index) => dot.addEventListener("click", () => show(index)));
    pause.addEventListener("click", () => {
      pause.setAttribute("aria-pressed", String(!isPaused()));
    });

    find("controls").hidden = false;
    carousel.classList.add("carousel--controlled");
    markCurrentDot();
    settle(); // A reloaded page may start elsewhere than at the first banner.
    waitAndAdvance();
  }

  document.querySelectorAll("[data-carousel]").forEach(setUpCarousel);
}
