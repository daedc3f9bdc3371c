"""What the figures say, in sentences: which way to choose, and how far they can be believed."""

from __future__ import annotations

from nova_mme.evaluation.assessment import Assessment, Figure
from nova_mme.evaluation.effort import GET_IN_QUERIES, count_bytes, estimate_dollars
from nova_mme.migration.agreement import DEPTH
from nova_mme.space import FULL_DIMENSION

# A way is advised when even the lower end of its interval keeps so much.
GOOD_RECALL = 0.95
# Fewer queries or vectors than these are no ground for a choice.
_FEW_QUERIES = 30
_FEW_VECTORS = 1000
# A longer shortlist that adds less than this is not worth its GetVectors.
_WORTH = 0.005
_UNFAITHFUL = 0.95
_SHARES = ((1 / 12, "a twelfth"), (1 / 8, "an eighth"), (1 / 3, "a third"))
_MANY = 1_000_000_000
# What costs so little more than the cheapest way is as cheap.
_AS_CHEAP = 1.1


_FULL = f"{FULL_DIMENSION}d"
# Sizes of an index that prices are compared at.
_SIZES = [100_000 * number for number in range(1, 1001)]


def advise(assessment: Assessment) -> list[str]:
    """What to choose, and what each way keeps."""
    sentences = [_choose(assessment)]
    sentences += [_tell(figure) for figure in assessment.figures if figure.name != _FULL]
    return [*sentences, _choose_shortlist(assessment), _compare_prices(assessment)]


def _choose(assessment: Assessment) -> str:
    good = [figure for figure in assessment.figures if figure.recall.low >= GOOD_RECALL]
    prices = {figure.name: estimate_dollars(figure.way, assessment.total) for figure in good}
    cheap = [figure for figure in good if prices[figure.name] <= min(prices.values()) * _AS_CHEAP]
    best = max(cheap, key=lambda figure: figure.recall.value)
    costs = f"${prices[best.name]:,.2f} at the most for a million searches of this index"
    if best.name == _FULL:
        why = f"nothing that surely keeps {GOOD_RECALL:.2f} of what it finds is much cheaper here"
        return f"Choose {_FULL}: {why}. It costs {costs}."
    return (
        f"Choose {best.name}: of the ways that surely keep {GOOD_RECALL:.2f} of what {_FULL} finds, it is the "
        f"cheapest. It keeps {best.recall.value:.3f} and costs {costs}, instead of ${prices[_FULL]:,.2f}."
    )


def _compare_prices(assessment: Assessment) -> str:
    """From how many vectors on a shortlist is cheaper than the full index."""
    hierarchical = assessment.find(f"256d > {_FULL}").way
    full = assessment.find(_FULL).way
    count = next(
        (count for count in _SIZES if estimate_dollars(hierarchical, count) < estimate_dollars(full, count)),
        _SIZES[-1],
    )
    return (
        f"A shortlist takes a GetVectors besides, which costs as much as {GET_IN_QUERIES} of QueryVectors: 256d > "
        f"{_FULL} is cheaper than {_FULL} from {count / 1e6:.2g} million vectors on, at the earliest."
    )


def _tell(figure: Figure) -> str:
    recall = figure.recall
    return (
        f"{figure.name} keeps {recall.value:.3f} ({recall.low:.3f} to {recall.high:.3f}) of what {FULL_DIMENSION}d "
        f"finds, for {_share(figure)} of the bytes."
    )


def _share(figure: Figure) -> str:
    share = count_bytes(figure.way, _MANY) / (_MANY * 4 * FULL_DIMENSION)
    return next((words for value, words in _SHARES if abs(share - value) < 1e-3), f"{share:.3f}")


def _choose_shortlist(assessment: Assessment) -> str:
    # One that is longer than the index is as good as the index itself, and the last that a small one is judged by.
    recalls = {length: means[FULL_DIMENSION].value for length, means in assessment.sweep.items()}
    enough = next(length for length, value in recalls.items() if value >= max(recalls.values()) - _WORTH)
    return (
        f"A shortlist of {enough} is enough: scored at {FULL_DIMENSION}d it keeps {recalls[enough]:.3f}, and a longer "
        f"one adds less than {_WORTH:g}."
    )


def warn(assessment: Assessment) -> list[str]:
    """How far the figures can be believed."""
    return [
        sentence
        for is_due, sentence in (
            (
                assessment.taken < _FEW_VECTORS,
                f"{assessment.taken:,} vectors are too few to choose by: the more there are, the closer they lie, and "
                f"the less the smaller indexes keep. By chance, recall@{DEPTH} is {assessment.by_chance:.2f} here.",
            ),
            (
                assessment.queries < _FEW_QUERIES,
                f"{assessment.queries} queries are few: the intervals are narrower than they should be. Give a file "
                "of more.",
            ),
            (
                assessment.is_sample,
                f"The exact rankings are of a sample, {assessment.taken:,} of {assessment.total:,} vectors. In the "
                "whole index neighbours lie closer together, and every recall is somewhat lower. What the service "
                "finds was not compared. A larger sample: --sample.",
            ),
            (
                not assessment.given,
                "The queries are stored vectors, one of each source, and their own source is no result. What people "
                "type may well do worse or better: give a file of real queries.",
            ),
            (
                not assessment.is_aws,
                f"{assessment.endpoint} is not AWS: the times say nothing about AWS, and if its model is a stand-in, "
                "the recall says nothing about Nova.",
            ),
            (bool(_find_unfaithful(assessment)), _tell_unfaithful(assessment)),
        )
        if is_due
    ]


def _find_unfaithful(assessment: Assessment) -> list[str]:
    return [
        figure.name
        for figure in assessment.figures
        if figure.trial
        and figure.trial.faithful
        and sum(figure.trial.faithful) / len(figure.trial.faithful) < _UNFAITHFUL
    ]


def _tell_unfaithful(assessment: Assessment) -> str:
    return (
        f"What the service finds at {', '.join(_find_unfaithful(assessment))} is less than {_UNFAITHFUL:.2f} of what "
        "an exact search would. It is approximate; but vectors may be missing, too: reconcile_embeddings tells."
    )
