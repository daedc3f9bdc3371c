"""Builds the sample pictures, sounds, clips and documents: `python -m nova_mme_local.samples.build OUT_DIR`.

Only who changes the samples needs this, with scikit-image and espeak-ng installed: the finished files are
kept beside it. The texts are written by hand and not built. With the same versions of the tools, the same
bytes come out each time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from nova_mme_local.samples import clips, papers, pictures, recording, sounds, speech


def build_pictures(media: Path, queries: Path) -> None:
    for picture in pictures.PICTURES:
        pictures.write_picture(picture, media / "image")
    pictures.write_rocking_horse(media / "image" / "rocking-horse.gif")
    for picture in pictures.QUERY_PICTURES:
        pictures.write_picture(picture, queries)


def build_sounds(media: Path, queries: Path) -> None:
    audio = media / "audio"
    recording.write_sound(audio / "rocket-countdown-talk.mp3", speech.say(speech.ROCKET_TALK))
    recording.write_sound(audio / "espresso-talk.ogg", speech.say(speech.COFFEE_TALK))
    recording.write_sound(audio / "cat-talk.wav", speech.say(speech.CAT_TALK))
    recording.write_sound(audio / "rain-on-a-roof.mp3", sounds.pour_rain(14, seed=1))
    recording.write_sound(audio / "slow-chords.ogg", sounds.play_chords(16))
    recording.write_sound(audio / "rising-arpeggio.mp3", sounds.play_arpeggio(9))
    recording.write_sound(audio / "drum-beat.wav", sounds.beat_drums(8))
    recording.write_sound(queries / "another-shower.mp3", sounds.pour_rain(6, seed=3))
    recording.write_sound(queries / "the-same-voice.mp3", speech.say(speech.ANOTHER_COFFEE_TALK))


def build_clips(media: Path) -> None:
    for clip in clips.CLIPS:
        recording.write_clip(
            media / "video" / clip.name,
            clips.film(clip),
            size=clips.SIZE,
            rate=clips.FRAMES_PER_SECOND,
            sound=clips.record_sound(clip),
        )


def build_documents(media: Path, queries: Path) -> None:
    report = media / "document" / "coffee-tasting-report.pdf"
    report.write_bytes(papers.bind(papers.draw_report()))
    papers.scan_note(media / "document" / "rain-book-scanned.pdf")
    papers.type_letter(media / "document" / "looking-after-the-cats.docx")
    papers.photograph_chart(report, queries / "photographed-chart.jpg")


def build(out: Path) -> None:
    """Write everything that is not text into `out`/media/{image,audio,video,document} and `out`/queries.

    Files of the same name are replaced, others left alone. Raises pictures.MissingTool when scikit-image
    or espeak-ng is not installed.
    """
    media, queries = out / "media", out / "queries"
    for folder in (*(media / name for name in ("image", "audio", "video", "document")), queries):
        folder.mkdir(parents=True, exist_ok=True)
    build_pictures(media, queries)
    build_sounds(media, queries)
    build_clips(media)
    build_documents(media, queries)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="nova_mme_local.samples.build", description=__doc__)
    parser.add_argument(
        "out", type=Path, help="folder to write into; include/nova_mme_local/samples to renew"
    )
    try:
        build(parser.parse_args(arguments).out)
    except pictures.MissingTool as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
