"""A window on a desktop, through pygame."""

import logging
import os
from typing import Any

from fer_pi.errors import OutputError
from fer_pi.types import Image

log = logging.getLogger(__name__)

DEFAULT_SIZE = (960, 540)


class WindowSurface:
    """A window that can be resized; F is full screen and back, Escape or Q closes it."""

    def __init__(self, size: tuple[int, int] | None = None, full_screen: bool = False, title: str = "fer_pi") -> None:
        """Open it. Raises OutputError if pygame is missing or there is no desktop."""
        # Before its import: pygame greets on stdout, and SDL would take SIGINT and SIGTERM away from us.
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        os.environ.setdefault("SDL_NO_SIGNAL_HANDLERS", "1")
        try:
            import pygame
        except ImportError as error:
            raise OutputError("a window needs pygame: pip install pygame-ce") from error
        self._pygame: Any = pygame
        try:
            pygame.display.init()
            pygame.display.set_caption(title)
            pygame.display.set_allow_screensaver(False)
            pygame.mouse.set_visible(not full_screen)
            flags = pygame.FULLSCREEN if full_screen else pygame.RESIZABLE
            pygame.display.set_mode((0, 0) if full_screen and size is None else size or DEFAULT_SIZE, flags)
        except pygame.error as error:
            pygame.display.quit()
            raise OutputError(f"no window can be opened: {error}; is there a desktop?") from error
        self.ended = False
        """Its user, or `close`, has closed it."""
        log.info("screen: a window of %d x %d (%s)", *self.size, pygame.display.get_driver())

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels, as it is now."""
        width, height = self._pygame.display.get_surface().get_size()
        return int(width), int(height)

    def show(self, image: Image) -> None:
        """Show (H, W, 3) uint8 BGR of `size`, and obey the keyboard. Raises OutputError when the desktop is gone."""
        if self.ended:
            return
        pygame = self._pygame
        try:
            if not self._still_wanted():
                return
            target = pygame.display.get_surface()
            height, width = image.shape[:2]
            target.blit(pygame.image.frombuffer(image.tobytes(), (width, height), "BGR"), (0, 0))
            pygame.display.flip()
        except pygame.error as error:
            raise OutputError(f"the window is gone: {error}") from error

    def close(self) -> None:
        """Close the window; twice is fine."""
        if not self.ended:
            self.ended = True
            self._pygame.display.quit()

    def _still_wanted(self) -> bool:
        """Obey the keyboard; False if the user has closed the window."""
        pygame = self._pygame
        for event in pygame.event.get():
            key = event.key if event.type == pygame.KEYDOWN else None
            if event.type == pygame.QUIT or key in (pygame.K_ESCAPE, pygame.K_q):
                log.info("screen: the window was closed; it comes back when fer-pi starts again")
                self.close()
                return False
            if key == pygame.K_f:
                try:
                    pygame.display.toggle_fullscreen()
                except pygame.error as error:
                    log.info("screen: the window cannot change between full screen and not: %s", error)
        return True
