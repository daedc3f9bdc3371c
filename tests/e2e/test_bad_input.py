"""Bad input through a real scheduler: named before it costs a job, with a reason and a next step in the run's report."""

from pathlib import Path

import pytest
from core.recordings import make_silence

pytestmark = pytest.mark.e2e

BAD = Path(__file__).parents[1] / "media" / "bad"
START = "bedrock-runtime.StartAsyncInvoke"


def test_bad_recordings_are_dead_letters_and_cost_nothing(deployment, samples):
    """Three bad sounds beside a good one and a night of silence: two jobs, three reasons, one note."""
    deployment.upload(
        "odd", samples / "audio" / "rising-arpeggio.mp3", BAD / "no-samples.wav", BAD / "noise.wav"
    )
    deployment.put("odd/cut.ogg", (samples / "audio" / "slow-chords.ogg").read_bytes()[:60])
    deployment.put("odd/night.ogg", make_silence(7200))
    deployment.set_faults({"job": "odd/night.ogg", "status": "Failed", "message": "Not to be waited for."})
    before = deployment.calls().get(START, 0)

    summary = deployment.embed("audio", prefix="odd/", max_failed_fraction=0.8)

    assert {item["source"].rsplit("/", 1)[-1]: item["reason"] for item in summary["failures"]} == {
        "no-samples.wav": "no_sound",
        "noise.wav": "content_is_not_its_type",
        "cut.ogg": "broken_file",
        "night.ogg": "job_failed",
    }
    assert (summary["stored"], summary["failed"], summary["notes"]) == (1, 4, 1)
    assert deployment.calls()[START] - before == 2
    page = read(deployment, summary["report_uri"])
    assert "Segments of 6 s instead of 5 s" in page
    assert "Its audio stream is empty (0 s)." in page
    assert all(item["next_step"] in page for item in summary["failures"])
    jobs = deployment.calls()[START]
    assert deployment.embed("audio", prefix="odd/")["dead_letters"] == 4
    assert deployment.calls()[START] == jobs


def test_bad_films_fail_a_run_that_allows_none(deployment):
    """A film that was cut off and one without a picture: no job, a red run, and its report all the same."""
    deployment.upload("dark", BAD / "truncated.mp4", BAD / "sound-alone.mp4")
    before = deployment.calls().get(START, 0)

    state, summary = deployment.finish("embed_video", deployment.start("embed_video", prefix="dark/"))

    assert (state, summary["failed"]) == ("failed", 2)
    assert {item["reason"] for item in summary["failures"]} == {"broken_file", "video_without_picture"}
    assert deployment.calls().get(START, 0) == before


def read(deployment, uri):
    """An object's text."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return deployment.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
