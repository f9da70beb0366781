"""How often the shown emotion changes on videos, before smoothing and after: run as a script, it prints a table.

    python tests/benchmarks/flips.py VIDEO ... [--every N] [--json]

Every frame goes through the chain as it would live, at the video's own rate. Changes are counted for each face between
one frame and the next in which it is seen, and divided by the minutes for which faces were seen. *Raw* is the likeliest
emotion of the single frame, *face* what is said of that face once smoothed, *room* the mood of the room (over the
minutes in which anybody was there). Turning to or from "not sure" is a change like any other, but for the first answer
that a face or a room gets.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from fer_pi.analyze import readings_of
from fer_pi.chain import open_chain
from fer_pi.config import checked_config
from fer_pi.errors import InputError
from fer_pi.types import Emotion


@dataclass(slots=True)
class Counted:
    """Changes on one video, or on several."""

    frames: int = 0
    raw: int = 0
    face: int = 0
    room: int = 0
    faces_s: float = 0.0
    """Seconds for which each face was seen, together."""
    room_s: float = 0.0
    """Seconds for which anybody was."""

    def __iadd__(self, other: "Counted") -> "Counted":
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    def row(self) -> dict[str, float]:
        """Changes a minute."""

        def a_minute(changes: int, seconds: float) -> float:
            return round(60 * changes / seconds, 2) if seconds else 0.0

        return {
            "frames": self.frames,
            "face_s": round(self.faces_s, 1),
            "raw": a_minute(self.raw, self.faces_s),
            "face": a_minute(self.face, self.faces_s),
            "room": a_minute(self.room, self.room_s),
        }


def counted(video: Path, every: int) -> Counted:
    """The changes on one video, seen by a chain that knows nothing of any other."""
    chain = open_chain(checked_config({"detector": {"every": every}}))
    found = Counted()
    before: dict[int, tuple[Emotion, Emotion | None]] = {}
    answered: set[int] = set()
    mood: Emotion | None = None
    room_answered = False
    last_s = 0.0
    for reading in readings_of(video, chain):
        assert reading.frame is not None
        now_s = reading.frame.position_s or 0.0
        passed_s, last_s = now_s - last_s, now_s
        now = {seen.track: (seen.raw.top, seen.emotion) for seen in reading.sightings}
        for track in now.keys() & before.keys():
            found.raw += now[track][0] is not before[track][0]
            found.face += track in answered and now[track][1] is not before[track][1]
            found.faces_s += passed_s
        if now and before:
            found.room += room_answered and reading.mood.emotion is not mood
            found.room_s += passed_s
        answered |= {track for track, (_, emotion) in now.items() if emotion is not None}
        before, mood = now, reading.mood.emotion
        room_answered |= mood is not None
        found.frames += 1
    return found


def main() -> None:
    """Print the table; exit 66 if a video cannot be read."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--every", type=int, default=5, help="detector.every (default 5, as shipped)")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    wanted = parser.parse_args()
    rows, total = {}, Counted()
    for video in wanted.videos:
        try:
            one = counted(video, wanted.every)
        except InputError as error:
            print(error, file=sys.stderr)
            sys.exit(InputError.exit_code)
        total += one
        rows[video.name] = one.row()
    rows["all"] = total.row()
    if wanted.json:
        print(json.dumps(rows, indent=2))
        return
    print("| changes a minute | frames | face seconds | raw | face | room |")
    print("| --- | --: | --: | --: | --: | --: |")
    for name, row in rows.items():
        changes = " | ".join(f"{row[kind]:.1f}" for kind in ("raw", "face", "room"))
        print(f"| {name} | {row['frames']} | {row['face_s']:.1f} | {changes} |")


if __name__ == "__main__":
    main()
