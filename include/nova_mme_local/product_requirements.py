"""The product's own lines of requirements.txt, as Amazon MWAA takes them."""

from __future__ import annotations

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from nova_mme_local.bootstrap import DEFAULT_AIRFLOW
from nova_mme_local.plugins_zip import PackagingError

# Every Airflow 3 image of MWAA has this Python (aws/amazon-mwaa-docker-images).
_PYTHON = "3.12"
_AIRFLOW = "apache-airflow"
_CONSTRAINTS = (
    "https://raw.githubusercontent.com/apache/airflow/constraints-{airflow}/constraints-{python}.txt"
)


def render_requirements(text: str, airflow: str) -> str:
    """MWAA's requirements.txt, from the project's.

    The first line holds dependencies at the versions that this Airflow was released with: without one MWAA
    would add its own (Amazon MWAA user guide, "Managing Python dependencies in requirements.txt"). Airflow
    itself is left out, since the environment has it and does not let it be changed.

    :raises PackagingError: for a version that the project is not made for.
    """
    wanted = read_product(text)
    _check_airflow(airflow, wanted)
    lines = [line for line, requirement in wanted.items() if requirement.name != _AIRFLOW]
    constraints = _CONSTRAINTS.format(airflow=airflow, python=_PYTHON)
    return "\n".join([f'--constraint "{constraints}"', *lines, ""])


def read_product(text: str) -> dict[str, Requirement]:
    """The lines of the file's first section, less their comments; a heading begins with ``# ---``.

    :raises PackagingError: when there is no such section, or a line of it is no requirement.
    """
    sections = [part.splitlines()[1:] for part in f"\n{text}".split("\n# ---")[1:]]
    lines = [line.split("#")[0].strip() for line in sections[0]] if sections else []
    try:
        found = {line: Requirement(line) for line in lines if line}
    except InvalidRequirement as error:
        raise PackagingError(f"requirements.txt: {error}") from error
    if not found:
        raise PackagingError("requirements.txt has no section '# --- the product' with requirements in it.")
    return found


def _check_airflow(airflow: str, wanted: dict[str, Requirement]) -> None:
    try:
        version = Version(airflow)
    except InvalidVersion as error:
        raise PackagingError(
            f"--airflow {airflow} is no version; give one such as {DEFAULT_AIRFLOW}."
        ) from error
    for requirement in wanted.values():
        if requirement.name == _AIRFLOW and version not in requirement.specifier:
            raise PackagingError(
                f"Airflow {airflow} is not among {requirement.specifier}, which requirements.txt asks for."
            )
