"""Broken and odd recordings through a whole deployment: each ends stored or as a dead letter, and none is lost."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from core.builders import make_run
from core.deployment import Deployment
from core.memory_s3 import MemoryS3
from core.recordings import make_silence

from nova_mme.errors import Reason
from nova_mme.modality import Modality
from nova_mme.row import Status

_BAD = Path(__file__).parents[1] / "media" / "bad"

# scipy's own tests read these: odd depths and channels, big-endian, cut off, without data, without end.
_WAVES = sorted(
    (path for path in files("scipy.io").joinpath("tests", "data").iterdir() if path.name.endswith(".wav")),
    key=lambda path: path.name,
)

_REFUSED_BEFORE = {
    "test-44100Hz-le-1ch-4bytes-early-eof-no-data.wav": Reason.BROKEN,
    "test-44100Hz-le-1ch-4bytes-incomplete-chunk.wav": Reason.BROKEN,
}


# What passes preflight, since it is not certain that Nova cannot read it, and what FFmpeg, which the local model
# reads sound with, makes of it: 5 to 10 samples at 8 kHz (half a millisecond and more) are nothing to it.
_REFUSED_BY_THE_MODEL = {
    **dict.fromkeys(("44100Hz-2ch-32bit-float-be", "44100Hz-be-1ch-4bytes"), "Not yet implemented in FFmpeg"),
    **dict.fromkeys(
        ("8000Hz-le-3ch-5S-36bit", "8000Hz-le-3ch-5S-45bit", "8000Hz-le-3ch-5S-53bit"), "Decoder not found"
    ),
    **dict.fromkeys(
        (
            "1234Hz-le-1ch-10S-20bit-extra",
            "8000Hz-be-3ch-5S-24bit",
            "8000Hz-le-1ch-1byte-ulaw",
            "8000Hz-le-3ch-5S-24bit-inconsistent",
            "8000Hz-le-3ch-5S-24bit-rf64",
            "8000Hz-le-3ch-5S-24bit",
            "8000Hz-le-3ch-5S-64bit",
            "8000Hz-le-4ch-9S-12bit",
            "8000Hz-le-5ch-9S-5bit",
        ),
        "audio stream of the wav file is empty",
    ),
}


def test_each_of_scipys_waves_ends_somewhere(deployment: Deployment) -> None:
    """Refused before it costs money, refused by the model, or stored: with a reason and a next step, or in all indexes."""
    sources = {path.name: deployment.upload(path.name, path.read_bytes()) for path in _WAVES}
    assert len(sources) >= 20

    ends = deployment.embed(make_run(Modality.AUDIO))

    outcomes = {end.source.rsplit("/", 1)[-1]: end for end in ends}
    assert outcomes.keys() == sources.keys()
    failed = {name: end for name, end in outcomes.items() if end.status == "failed"}
    stored = {name for name, end in outcomes.items() if end.status == "stored"}
    assert stored | failed.keys() == sources.keys()
    assert {name: end.reason for name, end in failed.items() if not end.invocation_arn} == _REFUSED_BEFORE
    assert deployment.jobs_started() == len(sources) - len(_REFUSED_BEFORE)
    refused = {name[5:-4]: end for name, end in failed.items() if end.invocation_arn}
    assert refused.keys() == _REFUSED_BY_THE_MODEL.keys()
    for name, end in refused.items():
        assert (end.reason, _REFUSED_BY_THE_MODEL[name] in end.message) == (Reason.JOB_FAILED, True)
    assert all(end.message and end.next_step for end in failed.values())
    assert {key.split("/")[0] for key in deployment.all_keys()} == {
        sources[name].object_id for name in stored
    }
    for name, source in sources.items():
        assert deployment.row(source).status is (Status.STORED if name in stored else Status.FAILED)


def test_a_wave_is_as_long_as_its_bytes() -> None:
    """Its header speaks of a tenth of a second, and the file was cut off after six thousandths."""
    (cut_off,) = (path for path in _WAVES if path.name.endswith("early-eof.wav"))

    assert MemoryS3.of(cut_off.read_bytes()).inspect("a.wav").seconds == pytest.approx(0.0058, abs=0.0001)


def test_two_hours_of_sound_are_asked_for_in_segments_of_six_seconds(deployment: Deployment) -> None:
    """1,440 segments of the recipe's five would be refused; the ledger and the report say what was done instead."""
    source = deployment.upload("night.ogg", make_silence(7200))
    deployment.put_faults({"job": "night.ogg", "status": "Failed", "message": "Not to be waited for."})

    with deployment.record("bedrock") as sent:
        (outcome,) = deployment.embed(make_run(Modality.AUDIO))

    start = next(call for call in sent if call.operation == "StartAsyncInvoke")
    audio = start.params["modelInput"]["segmentedEmbeddingParams"]["audio"]
    assert audio["segmentationConfig"] == {"durationSeconds": 6}
    row = deployment.row(source)
    assert row.segment == 6
    assert row.note == outcome.note
    assert row.note.startswith("Segments of 6 s instead of 5 s: the file's 7,200")


def test_no_bad_recording_costs_a_job(deployment: Deployment) -> None:
    """A film that is cut off or without a picture, a sound of nothing: each is a dead letter, unpaid for."""
    names = ("truncated.mp4", "sound-alone.mp4", "no-samples.wav", "noise.wav")
    for name in names:
        deployment.upload(name, (_BAD / name).read_bytes())

    ends = [*deployment.embed(make_run(Modality.VIDEO)), *deployment.embed(make_run(Modality.AUDIO))]

    assert {end.source.rsplit("/", 1)[-1]: end.reason for end in ends} == {
        "truncated.mp4": Reason.BROKEN,
        "sound-alone.mp4": Reason.NO_PICTURE,
        "no-samples.wav": Reason.NO_SOUND,
        "noise.wav": Reason.WRONG_CONTENT,
    }
    assert deployment.jobs_started() == 0
    again = deployment.plan(make_run(Modality.VIDEO))
    assert not list(again.works)
